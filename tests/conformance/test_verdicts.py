from __future__ import annotations

import verdicts

OK = ("OK", "OK")
SOFT = ("NON-STRICT", "OK")
FAILED = ("FAILED", "OK")


def surprises(found, expected, *, is_whole=False):
    return list(verdicts.surprises(found, expected, is_whole=is_whole))


def test_a_case_that_is_as_expected_is_not_reported():
    assert not surprises({"1.1": OK, "3.2": SOFT}, {"1.1": OK, "3.2": SOFT, "9.1": OK})


def test_ok_will_do_where_non_strict_is_tolerated_but_not_the_other_way_round():
    assert not surprises({"3.2": OK}, {"3.2": SOFT})
    assert surprises({"3.2": SOFT}, {"3.2": OK}) == ["3.2: NON-STRICT / OK, expected OK / OK"]


def test_a_failure_an_unknown_case_and_a_missing_one_are_reported():
    assert surprises({"1.1": FAILED}, {"1.1": SOFT}) == ["1.1: FAILED / OK, expected NON-STRICT / OK"]
    assert surprises({"1.1": OK}, {}) == ["not in the table: 1.1"]
    assert surprises({"1.1": OK}, {"1.1": OK, "1.2": OK}, is_whole=True) == ["in the table but not run: 1.2"]


def test_renewing_the_table_keeps_tolerance_and_the_cases_that_were_not_run():
    expected = {"1.1": OK, "3.2": SOFT, "9.1": OK}
    assert verdicts.merged({"1.1": SOFT, "3.2": OK}, expected) == {"1.1": SOFT, "3.2": SOFT, "9.1": OK}


def test_the_table_is_written_in_the_order_of_the_cases(tmp_path):
    path = tmp_path / "expected.json"
    assert verdicts.read(path) == {}
    verdicts.write(path, {"10.1": OK, "9.2.10": SOFT, "9.2.9": OK})
    assert list(verdicts.read(path).items()) == [("9.2.9", OK), ("9.2.10", SOFT), ("10.1", OK)]


def test_the_tables_count_behaviour_and_close_for_each_category():
    table = verdicts.plain_table({"3.2": SOFT, "9.1.1": OK, "9.1.2": FAILED})
    assert [line.split() for line in table.splitlines()][1:] == [
        ["3", "Reserved", "bits", "1", "0/1", "1/0", "0/0"],
        ["9", "Limits", "and", "performance", "2", "1/2", "0/0", "1/0"],
        ["all", "3", "1/3", "1/0", "1/0"],
    ]


def test_the_page_has_a_table_for_each_side():
    page = verdicts.markdown_page(server={"3.2": SOFT, "9.1.1": OK}, client={"3.2": OK})
    server, client = page.split("## Client")
    assert "| 3 Reserved bits | 1 | 0/1 | 1/0 |" in server
    assert "NON-STRICT: 3.2." in server
    assert "| 3 Reserved bits | 1 | 1/1 |" in client
    assert "NON-STRICT: none." in client
