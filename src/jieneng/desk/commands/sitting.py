"""Verb that draws the sample for checks on site: sample."""

from __future__ import annotations

import argparse
from typing import Any

from jieneng.core.words import T

from . import Out, Verb
from .intake import person


def sample_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--year", type=int, required=True, help="2022")
    parser.add_argument("--office", metavar="CODE", help=str(T("哪一级抽（缺省：本级）", "office that draws (default: the top one)")))
    parser.add_argument("--seed", default="", help=str(T("种子（缺省：随机）；凭它能重算出同一份名单", "seed (default: random); it gives the same list again")))
    parser.add_argument("--check", action="store_true", help=str(T("不抽，只按种子重算已抽的名单", "draw nothing: make the list again from its seed and compare")))
    parser.add_argument("--as", dest="as_user", metavar="USER", help=str(T("以哪个账号办理（缺省：控制台账号）", "act as this account (default: the console's)")))


def sample(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Draw the sample of an office for a year, once, and print it; or check that the seed gives it again."""
    from jieneng.core.problem import refuse
    from jieneng.sitting import queries, sampling
    from jieneng.sitting.models import Sample

    from .intake import _office

    office = _office(args.office)
    if args.check:
        made = Sample.objects.filter(office=office, year=args.year).first()
        if made is None:
            raise refuse("cli.sample", T("{o} {y} 年还没有抽", "{o} has not drawn for {y}", o=office.name, y=args.year), do=T("去掉 --check 抽取", "draw without --check"))
    else:
        made = sampling.draw(person(args), office, args.year, args.seed)
    same = sampling.drawn_again(made)
    units = list(made.units.select_related("institution"))
    names = queries.names_of(made.year, {u.institution_id for u in units})
    for u in units:
        out.line(f"{u.number}\t{u.stratum}\t{u.institution.key}\t{names[u.institution_id].name if u.institution_id in names else ''}")
    out.say(T("{n} 家，种子 {s}；按种子重算：{r}", "{n} institutions, seed {s}; drawn again from the seed: {r}", n=len(units), s=made.seed,
              r=str(T("一致", "the same") if same else T("不一致（名录在抽取后有变动）", "not the same (the register was changed since)"))))
    return {"sample": made.pk, "seed": made.seed, "units": [u.institution.key for u in units], "strata": made.strata, "again": same, "exit": 0 if same else 1}


VERBS = [Verb("sample", T("抽取 5% 抽查名单", "draw the 5% sample for checks on site"), sample_arguments, sample)]
