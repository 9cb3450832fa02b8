"""However a file is broken, its author gets findings with places, never a crash."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.bicep import lower
from reconciler.errors import DesiredStateError, Finding

LINES = (Path(__file__).parent / "realistic" / "main.bicep").read_text().splitlines(keepends=True)
PIECE = st.one_of(
    st.sampled_from(
        ["'", "'''", "{", "}", "[", "]", "${", "//", "/*", "@", ":", ",", "\n", "=", "existing", "for", "é"]
    ),
    st.text(max_size=3),
)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(LINES) - 30), st.integers(0, 600), st.integers(0, 8), PIECE)
def test_a_broken_file_is_refused_or_read(first: int, at: int, removed: int, piece: str) -> None:
    text = "".join(LINES[first : first + 30])
    broken = text[:at] + piece + text[at + removed :]
    count = broken.count("\n") + broken.count("\r") + 1
    assert all(1 <= one.line <= count and one.column >= 1 for one in findings_of(broken))


def findings_of(text: str) -> list[Finding]:
    try:
        lower(text, "main.bicep", "s", "g")
    except DesiredStateError as refused:
        return refused.findings
    return []
