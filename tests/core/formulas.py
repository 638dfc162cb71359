"""Random formulas and answers for property tests: numbers and conditions of the language, gaps and large magnitudes."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from jieneng.core.formula import FormulaError, parse

NAMES = ("a", "b", "c", "d", "last_year.a", "base.a")
UNITS = (10**16 - 1, 10**15, 10**15 - 1, 10**11, 20000, 10000, 9999, 5000, 3000, 1, 0)


def amounts() -> st.SearchStrategy[Decimal | None]:
    """Stored amounts in ten-thousandths, often equal, round or at the bound; and None."""
    whole = st.one_of(st.sampled_from(UNITS), st.integers(0, 10**16 - 1), st.integers(0, 10**7))
    return st.one_of(st.none(), st.builds(lambda n, s: Decimal(s * n).scaleb(-4), whole, st.sampled_from((1, 1, 1, -1))))


def answers() -> st.SearchStrategy[dict[str, Decimal | None]]:
    return st.fixed_dictionaries({name: amounts() for name in NAMES})


_LITERALS = st.sampled_from(("0", "1", "2", "0.3", "0.5", "100", "0.0001", "0.0005", "1000", "999999999999", "0.333333333", "33333333333",
                             "0.05", "0.000000001"))
_LEAVES = st.one_of(st.sampled_from(NAMES), st.sampled_from(NAMES), _LITERALS)


def _more(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(inner, min_size=1, max_size=3).map(", ".join)
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner),
        st.builds("ratio({}, {})".format, inner, inner),
        st.builds("abs({})".format, inner), st.builds("-{}".format, inner),
        st.builds("{}({})".format, st.sampled_from(("total", "min", "max")), several),
        st.builds("{}(known({}))".format, st.sampled_from(("total", "min", "max")), several),
        st.just("change_from_base(a)"),
    )


def numbers(leaves: int = 6) -> st.SearchStrategy[str]:
    return st.recursive(_LEAVES, _more, max_leaves=leaves)


def _claims() -> st.SearchStrategy[str]:
    sign = st.sampled_from(("<", "<=", ">", ">=", "==", "!="))
    return st.one_of(
        st.builds("{} {} {}".format, numbers(), sign, numbers()),
        st.builds("{} {} {} {} {}".format, numbers(3), sign, numbers(3), sign, numbers(3)),
        st.builds("missing({})".format, st.sampled_from(NAMES)),
    )


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.builds("({}) {} ({})".format, inner, st.sampled_from(("and", "or")), inner),
                     st.builds("not ({})".format, inner))


def let_through(text: str) -> bool:
    try:
        parse(text)
    except FormulaError:
        return False
    return True


def conditions() -> st.SearchStrategy[str]:
    """Conditions that the language lets through (the others are refused for their width)."""
    return st.recursive(_claims(), _joined, max_leaves=3).filter(let_through)
