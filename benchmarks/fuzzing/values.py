"""Values that take the place of others in JSON, YAML and XML: drawn by Hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

HOSTILE_TEXTS = (
    "../../escape",
    "/etc/passwd",
    "http://192.0.2.1/x.jpg",
    "s3://nowhere/x.jpg",
    "simplecache::http://192.0.2.1/x.jpg",
    "\0",
    "",
    " ",
    "a" * 5000,
    "../" * 300,
    "<script>",
    "${HOME}",
    "~root/x.jpg",
    "con.jpg",
    "%s%n",
    "\ud800",
    "NaN",
    "1e999",
)

_TEXT = st.one_of(st.sampled_from(HOSTILE_TEXTS), st.text(max_size=20))
_NUMBER = st.one_of(
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.sampled_from((0, -1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**30, -(10**30))),
    st.floats(),
    st.sampled_from((1e308, -1e308, 1e-320, 1e9, -1e9, 1e12)),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBER, _NUMBER, _TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=6), st.dictionaries(_TEXT, inner, max_size=4)),
    max_leaves=8,
)
