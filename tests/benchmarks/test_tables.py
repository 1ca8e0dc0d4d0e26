from benchmarks.tables import AIM, CASES, made, seconds


def test_tables_of_a_thousand_configurations_take_seconds():
    assert max(seconds(CASES["1,000 of 5 recipes"])) < AIM


def test_what_is_timed_has_all_intervals_volumes_and_ranks():
    found = made(CASES["200 of 5 recipes"].frame())
    assert len(found.points) == 200 and found.lost > 0
    assert all(point.x.has_interval and point.y.has_interval for point in found.points)
    assert all(line.standing is not None for line in found.lines)
    assert found.table()["y_improvement"].notna().all()
