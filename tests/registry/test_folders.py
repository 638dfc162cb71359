"""Folders of papers: known by content, nothing shown in the page, a sensitive unit without photos, what is missing by use."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from jieneng.core.problem import Refused
from jieneng.desk.ops import replay
from jieneng.records import files
from jieneng.records.rules import book
from jieneng.registry import vouchers
from jieneng.registry.models import Standing, Voucher
from tests.people_by_name import HOSPITAL, SCHOOL_ONE

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.4 a bill"


def workbook(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("xl/workbook.xml", b"<workbook/>")
        for name, data in parts.items():
            z.writestr(name, data)
    return out.getvalue()


def segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(data) + 2).to_bytes(2, "big") + data


JPEG = b"\xff\xd8" + segment(0xE0, b"JFIF\0") + segment(0xE1, b"Exif\0\0GPSLatitude 30.94") + segment(0xDB, b"\1" * 8) + segment(0xDA, b"\0\1") + b"pixels\xff\xd9"


def put(city: dict[str, Any], who: str = "wangli", key: str = SCHOOL_ONE, kind: str = "electricity_bill", data: bytes = PDF, name: str = "电费.pdf") -> Voucher:
    return vouchers.add(city["people"][who], city["institutions"][key], 2022, kind, io.BytesIO(data), name)


@pytest.mark.parametrize("data, kind", [
    (PDF, "pdf"), (JPEG, "jpeg"), (b"\x89PNG\r\n\x1a\nrest", "png"), (workbook(), "xlsx"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1old", "office"),
    (b"<html><script>", ""), (b"<svg onload=x>", ""), (b"MZ\x90", ""), (b"", ""), (b"PK\x03\x04broken", ""), (workbook(**{"xl/vbaProject.bin": b"macro"}), "")],
    ids=["pdf", "photo", "png", "workbook", "office", "html", "svg", "program", "nothing", "broken zip", "macros"])  # bytes as names change with the clock
def test_a_file_is_known_by_what_is_in_it(data: bytes, kind: str) -> None:
    assert vouchers.content_kind(data) == kind


@given(st.binary(max_size=400))
def test_any_bytes_are_a_known_kind_or_none(data: bytes) -> None:
    for head in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04"):
        assert vouchers.content_kind(head + data) in {"", *vouchers.ACCEPTED}
        vouchers.without_place(head + data)


def test_a_photo_loses_the_place_and_nothing_else(city: dict[str, Any]) -> None:
    row = put(city, kind="meter_photo", data=JPEG, name="表.jpg")
    kept = files.path_of(row.file.sha256).read_bytes()
    assert b"GPS" not in kept and kept.startswith(b"\xff\xd8") and kept.endswith(b"pixels\xff\xd9") and segment(0xDB, b"\1" * 8) in kept


@pytest.mark.parametrize("who", ["wangli", "chengang", "wangxiuying", "zhoumin"])
def test_the_institution_and_its_offices_put_papers_in(city: dict[str, Any], who: str) -> None:
    assert put(city, who).items == ["electricity_kwh", "electricity_cost_yuan"]


@pytest.mark.parametrize("who", ["heping", "lihui", "linjian", "suncha", "wusheng", "luren"])
def test_nobody_else_does(city: dict[str, Any], who: str) -> None:
    with pytest.raises(Refused, match="不能办理"):
        put(city, who)
    assert Voucher.objects.count() == 0


@pytest.mark.parametrize("more, problem", [
    ({"kind": "love_letter"}, "voucher.kind"), ({"data": b"<html>"}, "voucher.type"), ({"data": b""}, "voucher.type"),
    ({"data": PDF + b"x" * (vouchers.LIMIT + 1)}, "voucher.size")])
def test_what_is_not_taken_is_told(city: dict[str, Any], more: dict[str, Any], problem: str) -> None:
    with pytest.raises(Refused) as refused:
        put(city, **more)
    assert [p.code for p in refused.value.problems] == [problem] and Voucher.objects.count() == 0


def test_the_same_file_twice_is_one(city: dict[str, Any]) -> None:
    put(city)
    with pytest.raises(Refused, match="已经在里面"):
        put(city)


def test_a_sensitive_unit_has_no_photos_and_its_folder_is_shut_to_those_who_look_on(city: dict[str, Any], sign_in: Any) -> None:
    Standing.objects.filter(institution__key=SCHOOL_ONE).update(sensitive=True)
    for more in ({"data": JPEG, "name": "a.jpg"}, {"kind": "meter_photo"}):
        with pytest.raises(Refused, match="敏感单位"):
            put(city, **more)
    row, pk = put(city), city["institutions"][SCHOOL_ONE].pk
    for who, status in (("wangli", 200), ("wangxiuying", 200), ("linjian", 404), ("wusheng", 404), ("suncha", 404)):
        for url in (reverse("vouchers", args=[pk, 2022]), reverse("paper", args=[row.pk]), reverse("vouchers-zip", args=[pk, 2022])):
            assert sign_in(who).get(url).status_code == status, (who, url)
    assert "示例第一小学" not in sign_in("linjian").get(reverse("papers")).content.decode()
    assert "meter_photo" not in sign_in("wangli").get(reverse("vouchers", args=[pk, 2022])).content.decode()


def test_what_is_missing_follows_what_was_used_and_the_type(city: dict[str, Any]) -> None:
    school, hospital = Standing.objects.get(institution__key=SCHOOL_ONE), Standing.objects.get(institution__key=HOSPITAL)
    kinds = book().vouchers

    def missing(s: Standing, used: set[str] | None) -> set[str]:
        return {w.kind.code for w in vouchers.contents(s, vouchers.folder(s.institution, 2022), used, kinds) if w.missing}

    used = {"electricity_kwh", "area_m2", "people"}
    assert missing(school, used) == {"electricity_bill", "property_paper", "pupil_roll", "staff_roll"}
    assert "pupil_roll" not in missing(hospital, used) and "gas_bill" in missing(hospital, None)
    put(city)
    assert "electricity_bill" not in missing(school, used)


def test_the_zip_holds_papers_by_kind_and_an_index(city: dict[str, Any], sign_in: Any) -> None:
    row = put(city, name="=电费.pdf")
    response = sign_in("chengang").get(reverse("vouchers-zip", args=[city["institutions"][SCHOOL_ONE].pk, 2022]))
    with zipfile.ZipFile(io.BytesIO(response.content)) as z:
        names = z.namelist()
        assert any(n.startswith("01-") and n.endswith("01-=电费.pdf") for n in names)
        book_ = load_workbook(io.BytesIO(z.read("00-目录.xlsx")))
    rows = list(book_.active.iter_rows(min_row=4, values_only=True))
    assert rows[0][6] == row.file.sha256 and any(r[1] == "缺" for r in rows)


def test_a_damaged_paper_is_named_and_nothing_is_handed_out(city: dict[str, Any], sign_in: Any) -> None:
    row = put(city)
    files.path_of(row.file.sha256).write_bytes(b"%PDF-1.4 forged")
    response = sign_in("wangli").get(reverse("vouchers-zip", args=[city["institutions"][SCHOOL_ONE].pk, 2022]))
    assert response.status_code != 200 and "已损坏" in response.content.decode()


def test_a_paper_is_a_download_of_one_type(city: dict[str, Any], sign_in: Any) -> None:
    response = sign_in("wangxiuying").get(reverse("paper", args=[put(city).pk]))
    assert response.headers["Content-Type"] == "application/octet-stream" and response.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in response.headers["Content-Security-Policy"] and response.headers["X-File-Intact"] == "yes"


def test_good_files_go_in_and_bad_ones_are_named_on_the_page(city: dict[str, Any], sign_in: Any) -> None:
    client: Client = sign_in("wangxiuying")
    url = reverse("vouchers", args=[city["institutions"][SCHOOL_ONE].pk, 2022])
    response = client.post(url, {"kind": "water_bill", "label": "水费 1–6 月", "file": [SimpleUploadedFile("好.pdf", PDF), SimpleUploadedFile("坏.html", b"<html>")]})
    assert response.status_code == 422 and "坏.html" in response.content.decode()
    assert Voucher.objects.get().label == "水费 1–6 月"


def test_taken_out_with_a_reason_and_verify_tells_what_was_changed_past_the_system(city: dict[str, Any]) -> None:
    row, zhou = put(city), city["people"]["zhoumin"]
    with pytest.raises(Refused):
        vouchers.withdraw(zhou, row, " ")
    with pytest.raises(Refused):
        vouchers.withdraw(city["people"]["heping"], row, "不是我的")
    vouchers.withdraw(zhou, row, "传错了单位")
    assert list(vouchers.folder(row.institution, 2022)) == []
    faults: list[str] = []
    assert replay._folders(faults) == 1 and faults == []
    Voucher.objects.update(withdrawn="", year=2021)
    replay._folders(faults)
    assert len(faults) == 2, faults
