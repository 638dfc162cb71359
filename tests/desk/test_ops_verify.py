"""``jieneng verify``: damage one thing, and exactly that line fails; nothing damaged, and all hold (faults.md 2, C1–C5, V1)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.desk.conftest import CHECKOUT, Workspace

ALL = {f"I{n}" for n in range(1, 11)}


def flip(path: Path, at: float = 0.5) -> None:
    """Turn one bit of a file."""
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 1
    path.write_bytes(data)


def sql(*statements: str) -> Callable[[Workspace], object]:
    return lambda w: w.sql(*statements)


def snapshots(w: Workspace) -> list[Path]:
    """Snapshot folders, the one that no figure was made from last."""
    used = {r[0] for r in w.sql("SELECT DISTINCT snapshot_id FROM figures_figurerecord")}
    return sorted((w.path / "snapshots").iterdir(), key=lambda p: p.name not in used)


def received(w: Workspace) -> Path:
    return next(p for p in sorted((w.path / "received").rglob("*")) if p.is_file())


def unused(name: str) -> Callable[[Workspace], object]:
    return lambda w: flip(snapshots(w)[-1] / name)


def age(path: Path) -> None:
    old = time.time() - 2 * 3600
    os.utime(path, (old, old))


def old_part(w: Workspace) -> None:
    path = w.path / "received" / ".part-abc"
    path.write_bytes(b"half")
    age(path)


def old_work(w: Workspace) -> None:
    path = w.path / "snapshots" / ".tmp-1-1"
    path.mkdir()
    age(path)


DAMAGE: dict[str, tuple[str, Callable[[Workspace], object], str]] = {
    # name: (the invariant that must fail, what is done, what its line must name)
    "a foreign key that leads nowhere": ("I1", sql("INSERT INTO auth_permission (content_type_id, codename, name) VALUES (999999, 'x', 'x')"), "auth_permission"),
    "a migration that was not run": ("I1", sql("DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations WHERE app = 'axes')"), "1"),
    "a database newer than the program": ("I1", sql("INSERT INTO django_migrations (app, name, applied) VALUES ('returns', '9999_future', '2030-01-01')"), "9999_future"),
    "a state that no event led to": ("I2", sql("UPDATE returns_return SET state = 'signed' WHERE id = 7"), "return 7"),
    "an acceptance that no event gave": ("I2", sql("UPDATE returns_return SET accepted = 0 WHERE id = 9"), "return 9"),
    "a return that was touched and is untouched": ("I2", sql("UPDATE returns_return SET state = 'expected' WHERE id = 3"), "return 3"),
    "a revision number that skips": ("I2+I3", sql("UPDATE returns_revision SET number = 5 WHERE id = (SELECT max(id) FROM returns_revision)"), ""),
    "a revision gone": ("I2+I3", sql("DELETE FROM returns_revision WHERE id = (SELECT max(id) FROM returns_revision)"), ""),
    "accepted beyond what there is": ("I2", sql("UPDATE returns_return SET accepted = revision + 1 WHERE id = 11"), "return 11"),
    "an answer changed past the system": ("I3", sql("UPDATE returns_revision SET answers = json_set(answers, '$.electricity_kwh', '1') WHERE ret_id = 5"), "return 5 #1"),
    "an answer of the last import": ("I3", sql(
        "UPDATE returns_revision SET answers = json_set(answers, '$.people', '1') WHERE id = (SELECT max(id) FROM returns_revision)"), "#2"),
    "an answer changed and its fingerprint too": ("I3", sql(
        "UPDATE returns_revision SET answers = json_set(answers, '$.water_m3', '1'), content = '" + "a" * 64 + "' WHERE ret_id = 6"), "import "),
    "a source changed past the system": ("I3", sql("UPDATE returns_revision SET sources = json_set(sources, '$.electricity_kwh[2]', 'Z99') WHERE ret_id = 8"), "return 8 #1"),
    "a revision in another's name": ("I3", sql("UPDATE returns_revision SET by_id = (SELECT id FROM people_user WHERE username = 'wangli') WHERE ret_id = 4"), "return 4 #1"),
    "a return given to another institution": ("I3", sql("UPDATE returns_return SET period = '2023-01' WHERE id = 10"), "return 10 #1"),
    "an import of another file": ("I3", sql("UPDATE returns_import SET file_id = (SELECT max(id) FROM records_receivedfile) WHERE id = (SELECT min(id) FROM returns_import)"), "another file"),
    "an imported ledger value changed": ("I3", sql(
        "UPDATE fieldwork_ledgerrevision SET \"values\" = json_set(\"values\", '$.capacity_kwp', '999') WHERE batch_id IS NOT NULL"), "HT-3"),
    "a standing rewritten": ("I3", sql("UPDATE registry_standing SET area = '341824' WHERE id = 1"), "示例第一小学"),
    "a ledger value changed past the system": ("I3", sql(
        "UPDATE fieldwork_ledgerrevision SET \"values\" = json_set(\"values\", '$.capacity_kwp', '999') WHERE number = 2"), "HT-1"),
    "a ledger line brought back": ("I3", sql("UPDATE fieldwork_ledgerrecord SET withdrawn = 0 WHERE \"key\" = 'HT-2'"), "HT-2"),
    "an account that nobody made": ("I3", sql(
        "INSERT INTO people_user (password, username, name, phone, language, is_active, must_change_password, created_at) VALUES ('x', 'mole', '鼠', '', 'zh', 1, 0, '2022-01-01')"), "mole"),
    "a right that nobody gave": ("I3", sql("UPDATE people_appointment SET role = 'city' WHERE role = 'county'"), "city"),
    "a stopped account started again": ("I3", sql("UPDATE people_user SET is_active = 1 WHERE username = 'jiuren'"), "jiuren"),
    "a standing that nobody entered": ("I3", sql(
        "INSERT INTO registry_standing (since, name, initials, area, department, territory, type, in_scope, sensitive, covered_how, reason, document, institution_id, office_id) "
        "SELECT '2023-01-01', name, initials, area, department, territory, type, in_scope, sensitive, '', '', '', institution_id, office_id FROM registry_standing WHERE id = 1"), "standings"),
    "a revision moved to another import": ("I3", sql("UPDATE returns_revision SET batch_id = (SELECT min(id) FROM returns_import) WHERE id = (SELECT max(id) FROM returns_revision)"), "import"),
    "evidence that nobody put forward": ("I3", sql("UPDATE records_evidence SET object_id = 'energy_contracts/HT-9'"), "HT-9"),
    "a snapshot record with another manifest": ("I3+I6", sql("UPDATE returns_snapshotrecord SET manifest_hash = '" + "0" * 64 + "' WHERE id NOT IN (SELECT snapshot_id FROM figures_figurerecord)"), ""),
    "a name changed in an event": ("I4", sql("UPDATE records_event SET actor_name = '别人' WHERE seq = 5"), "5: content changed"),
    "a time changed in an event": ("I4", sql("UPDATE records_event SET at = '2020-01-01T00:00:00+08:00' WHERE seq = 6"), "6: content changed"),
    "an event gone": ("I4", sql("DELETE FROM records_event WHERE seq = 1"), "1: missing"),
    "two events swapped": ("I4", sql(*(f"UPDATE records_event SET seq = {b} WHERE seq = {a}" for a, b in ((3, -3), (4, 3), (-3, 4)))), "3: "),
    "the tail of the log cut": ("I3+I4", sql("DELETE FROM records_event WHERE seq = (SELECT max(seq) FROM records_event)"), ""),
    "the event of an import gone": ("I2+I3+I4", sql("DELETE FROM records_event WHERE seq = (SELECT min(seq) FROM records_event WHERE verb = 'returns.import')"), ""),
    "the head of the chain moved": ("I4", sql("UPDATE records_chainhead SET seq = seq - 1"), "head"),
    "a bit of a received file": ("I5", lambda w: flip(received(w)), "content changed"),
    "a received file gone": ("I5", lambda w: received(w).unlink(), "missing"),
    "a half-written file for two hours": ("I5", old_part, ".part-abc"),
    "a bit of a snapshot": ("I6", unused("bodies.parquet"), "bodies.parquet"),
    "the tail of a snapshot's file cut": ("I6", lambda w: os.truncate(snapshots(w)[-1] / "returns" / "consumption@2022.parquet", 900), "consumption@2022"),
    "a manifest edited": ("I6", unused("manifest.json"), ""),
    "a file of another snapshot": ("I6", lambda w: shutil.copyfile(snapshots(w)[0] / "wide" / "consumption@2019.parquet", snapshots(w)[-1] / "extra.parquet"), "extra.parquet"),
    "a snapshot's file missing": ("I6", lambda w: (snapshots(w)[-1] / "ledgers" / "energy_contracts.parquet").unlink(), "energy_contracts"),
    "a snapshot gone": ("I6", lambda w: shutil.rmtree(snapshots(w)[-1]), "missing"),
    "an unfinished snapshot for two hours": ("I6", old_work, ".tmp-1-1"),
    "a printed figure changed": ("I7", sql("UPDATE figures_figurerecord SET recipe = json_set(recipe, '$.exact', '1/3') WHERE id = (SELECT min(id) FROM figures_figurerecord)"), "test:1"),
    "a job that runs and nobody does": ("I8", sql("UPDATE records_job SET state = 'running', lease_until = '2022-01-01 00:00:00'"), "lease"),
    "a job done without a result": ("I8", sql("UPDATE records_job SET result = NULL"), "result"),
    "no reserve": ("I9", lambda w: (w.path / "reserve").unlink(), ""),
    "a finding without its rules": ("I10", sql(
        "INSERT INTO returns_returnfinding (ret_id, revision, rule, severity, items, says, do, rulebook, part) VALUES (1, 1, 'x', 'note', '[]', '{}', '{}', '', '')"), "ReturnFinding"),
    "a revision without its rules": ("I3+I10", sql("UPDATE returns_revision SET rulebook = '' WHERE id = 1"), ""),
    "a figure without its rules": ("I10", sql("UPDATE figures_figurerecord SET recipe = json_set(recipe, '$.rulebook', '') WHERE id = 1"), "figure 1"),
}


REVIEWED: dict[str, tuple[str, str]] = {
    # name: (what is done to a reviewed year, what the line of I3 must name)
    "a decision turned round": ("UPDATE sitting_decision SET verdict = 'right' WHERE verdict = 'sent_back'", "decisions without an event"),
    "a decision undone by nobody": ("UPDATE sitting_decision SET undone_at = '2023-03-16' WHERE verdict = 'explained'", "undone"),
    "an explanation widened": ("UPDATE review_explanation SET high = 99", "explanations"),
    "a finding taken out of a review": ("DELETE FROM review_reviewfinding WHERE id = (SELECT max(id) FROM review_reviewfinding)", "reviews"),
    "an opinion rewritten": ("UPDATE sitting_question SET opinion = '不属实' WHERE opinion <> ''", "opinions"),
    "a question taken off a sitting": ("DELETE FROM sitting_question WHERE id = (SELECT max(id) FROM sitting_question)", "questions"),
    "a sitting moved to another day": ("UPDATE sitting_sitting SET day = '2023-03-01'", "sittings"),
    "another seed": ("UPDATE sitting_sample SET seed = '1'", "samples"),
    "another reading on site": ("UPDATE sitting_sampleunit SET reading = '1' WHERE result <> ''", "checks on site"),
}


def test_every_invariant_is_damaged_by_something() -> None:
    assert {i for ids, _, _ in DAMAGE.values() for i in ids.split("+")} == ALL


def test_undamaged_all_hold_and_each_looked_at_something(workspace: Workspace) -> None:
    before = workspace.tree()
    for deep in ((), ("--deep",)):
        ran = workspace.run("verify", *deep)
        assert ran.code == 0 and ran.failed == set() and ran.json["ok"] is True
        assert {r["id"]: r["count"] for r in ran.json["invariants"] if not r["count"]} == {}
    assert workspace.tree() == before, "verify only reads"


@pytest.mark.parametrize("what", DAMAGE)
def test_one_thing_damaged_and_that_line_fails(workspace: Workspace, what: str) -> None:
    ids, damage, named = DAMAGE[what]
    damage(workspace)
    ran = workspace.run("verify")
    assert ran.failed == set(ids.split("+")), ran.out
    assert ran.code == 1 and ran.json["ok"] is False
    for id in ids.split("+"):
        assert named in ran.faults(id), ran.faults(id)
        assert f"✗ {id} " in ran.out


def test_a_review_holds_until_something_of_it_is_changed_past_the_system(workspace: Workspace) -> None:
    """Decisions, explanations, findings, opinions, questions, sittings, draws and checks, each against its event; all at once, each named."""
    subprocess.run([sys.executable, "-m", "tests.desk.small_home", str(workspace.path), "review"], cwd=CHECKOUT, env=workspace.environment(), check=True, timeout=120)
    assert workspace.run("verify").failed == set()
    workspace.sql(*(done for done, _ in REVIEWED.values()))
    ran = workspace.run("verify")
    assert ran.failed == {"I3"}
    assert {named for _, named in REVIEWED.values() if named not in ran.faults("I3")} == set(), ran.faults("I3")


def test_a_revision_changed_after_it_was_frozen_is_found_deep(workspace: Workspace) -> None:
    workspace.sql("UPDATE returns_revision SET answers = json_set(answers, '$.electricity_kwh', '1') WHERE id = 5")
    ran = workspace.run("verify", "--deep")
    assert ran.failed == {"I3"} and "not what was frozen" in ran.faults("I3")


def test_the_twin_without_the_event_s_fingerprint_a_changed_answer_passes(workspace: Workspace) -> None:
    """Data from before fingerprints were kept: the chain would tell that they were taken out, nothing else tells of the answer."""
    workspace.sql("UPDATE returns_revision SET answers = json_set(answers, '$.electricity_kwh', '1') WHERE ret_id = 5",
                  "UPDATE records_event SET data = json_remove(data, '$.content') WHERE verb = 'returns.import'")
    assert workspace.run("verify").failed == {"I4"}


def test_a_workspace_from_before_fingerprints_is_upgraded_and_verifies(workspace: Workspace) -> None:
    """Old events hold none and the chain was made without them: what is new is guarded, what is old is not accused."""
    workspace.back(returns="0001_initial", fieldwork="0001_initial")
    assert workspace.run("figures", "--period", "2022").code == 1
    workspace.done("upgrade")
    assert workspace.run("verify").failed == set(), "the events of this one hold fingerprints, so its rows are still checked"


def test_control_totals_are_recomputed_deep(workspace: Workspace) -> None:
    """A snapshot rewritten with a manifest that fits its files but not its sums: only the sums tell."""
    import hashlib

    folder = snapshots(workspace)[-1]
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    name = next(iter(manifest["totals"]))
    item = next(i for i, t in manifest["totals"][name]["items"].items() if t)
    manifest["totals"][name]["items"][item] = json.loads(json.dumps(manifest["totals"][name]["items"][item]).replace("1", "2"))
    data = json.dumps(manifest, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    sha = hashlib.sha256(data).hexdigest()
    (folder / "manifest.json").write_bytes(data)
    fresh = folder.with_name(folder.name[:11] + sha[:12])
    folder.rename(fresh)
    workspace.sql(f"UPDATE returns_snapshotrecord SET id = '{fresh.name}', manifest_hash = '{sha}' WHERE id = '{folder.name}'")
    assert "I6" not in workspace.run("verify").failed
    ran = workspace.run("verify", "--deep")
    assert "I6" in ran.failed and "控制合计" in ran.faults("I6")


def test_a_cut_tail_and_a_roll_back_are_caught_by_heads_kept_outside(workspace: Workspace, tmp_path: Path) -> None:
    """C5, X10: inside, a database of yesterday looks well; the backup and the anchor know better."""
    old = (workspace.path / "records.sqlite3").read_bytes()
    workspace.done("user", "add", "xinren", "--name", "新人", "--role", "county", "--office", "341824")
    made = workspace.done("backup")
    anchor = f"{made.json['chain']['seq']}:{made.json['chain']['hash']}"
    assert workspace.run("verify", "--anchor", anchor).failed == set()
    for name in ("records.sqlite3-wal", "records.sqlite3-shm"):
        (workspace.path / name).unlink(missing_ok=True)
    (workspace.path / "records.sqlite3").write_bytes(old)
    ran = workspace.run("verify")
    assert ran.failed == {"I4"} and Path(made.json["file"]).name in ran.faults("I4")
    Path(made.json["file"]).rename(tmp_path / "elsewhere.jieneng.zip")
    assert workspace.run("verify").failed == set(), "the twin: without a head kept outside nobody can know"
    ran = workspace.run("verify", "--anchor", anchor)
    assert ran.failed == {"I4"} and "--anchor" in ran.faults("I4")


def test_an_anchor_must_be_one(workspace: Workspace) -> None:
    ran = workspace.run("verify", "--anchor", "abc")
    assert ran.code == 1 and "SM3" in ran.err


@pytest.mark.parametrize("at", [0.3, 0.6, 0.95])
def test_a_damaged_page_is_never_passed_over_and_the_last_backup_is_named(workspace: Workspace, backed_up: Path, at: float) -> None:
    """C2: half a kilobyte of the database overwritten."""
    shutil.copyfile(backed_up, workspace.path / "backups" / backed_up.name)
    path = workspace.path / "records.sqlite3"
    data = bytearray(path.read_bytes())
    start = int(len(data) * at) // 4096 * 4096
    data[start:start + 512] = b"\xa5" * 512
    path.write_bytes(data)
    ran = workspace.run("verify", "--deep")
    assert ran.code == 1 and "I1" in ran.failed
    assert backed_up.name in ran.out


def test_what_verify_says_in_english(workspace: Workspace) -> None:
    (workspace.path / "reserve").unlink()
    ran = workspace.run("verify", "--lang", "en")
    assert "✗ I9 room" in ran.out and "no reserve file" in ran.out
