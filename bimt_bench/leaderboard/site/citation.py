"""How an entry is cited: BibTeX whose text is text, whatever its authors wrote."""

from bimt_bench.leaderboard.entry import Entry

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "^": r"\textasciicircum{}", "_": r"\_", "~": r"\textasciitilde{}", "%": r"\%",
}  # fmt: skip


def bibtex(entry: Entry) -> str:
    """A record of an entry; its key is the first author's last word, the year and the name."""
    year = entry.published.year
    words = entry.authors[0].name.split()
    letters = "".join(letter for letter in words[-1] if letter.isascii() and letter.isalnum())
    key = f"{letters.lower() or 'entry'}{year}-{entry.name}"
    about = (
        f"Entry {entry.name} on {entry.task}, version {entry.task_version}, of the bimt_bench "
        f"leaderboard; weights of SHA-256 {entry.weights.sha256}"
    )
    fields = {
        "author": " and ".join(_author(one.name) for one in entry.authors),
        "title": f"{{{escaped(entry.title)}}}",
        "year": str(year),
        "note": escaped(about),
    }
    if entry.link is not None:
        fields["url"] = entry.link
    told = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return f"@misc{{{key},\n{told}\n}}\n"


def escaped(text: str) -> str:
    """A text in which nothing means anything to TeX."""
    return "".join(_SPECIAL.get(letter, letter) for letter in " ".join(text.split()))


def _author(name: str) -> str:
    """A name as BibTeX parts it, or as a whole where it would be parted wrongly."""
    whole = "," in name or " and " in f" {name.lower()} "
    return f"{{{escaped(name)}}}" if whole else escaped(name)
