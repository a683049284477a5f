"""Energy is read where the kernel shows counters, and nothing is said where it does not."""

from pathlib import Path

from perfbot.profiling.energy import Meter, meter, ratio

LARGEST_UJ = 999_999


def zone(folder: Path, name: str, energy_uj: str = "0") -> Path:
    (folder / name).mkdir()
    (folder / name / "energy_uj").write_text(energy_uj)
    (folder / name / "max_energy_range_uj").write_text(f"{LARGEST_UJ}\n")
    return folder / name / "energy_uj"


def test_packages_are_counted_once_and_their_parts_not_again(tmp_path):
    packages = [zone(tmp_path, f"intel-rapl:{n}") for n in (0, 1)]
    zone(tmp_path, "intel-rapl:0:0")
    zone(tmp_path, "intel-rapl-mmio:0")
    found = meter(tmp_path)
    assert found is not None
    assert [file for file, _ in found.counters] == packages


def test_where_no_counter_can_be_read_there_is_no_meter(tmp_path):
    assert meter(tmp_path / "missing") is None
    assert meter(tmp_path) is None
    zone(tmp_path, "intel-rapl:0", "unknown")
    assert meter(tmp_path) is None


def test_a_counter_that_starts_anew_is_followed():
    counters = Meter(((Path("a"), LARGEST_UJ), (Path("b"), LARGEST_UJ)))
    assert counters.spent_j((100, 900_000), (300, 100_000)) == (200 + 200_000) / 1e6


def test_a_counter_that_stands_still_or_fails_says_nothing(tmp_path):
    file = zone(tmp_path, "intel-rapl:0")
    found = meter(tmp_path)
    assert found is not None
    assert ratio(found, lambda: 1.0, lambda: 1.0) is None
    file.unlink()
    assert ratio(found, lambda: 1.0, lambda: 1.0) is None


def test_half_the_time_at_the_same_power_is_half_the_energy(tmp_path, monkeypatch):
    file = zone(tmp_path, "intel-rapl:0")
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])

    def busy(once_s: float) -> float:
        clock[0] += 2.0
        file.write_text(str(int(file.read_text()) + 60_000))
        return once_s

    found = meter(tmp_path)
    assert found is not None
    assert ratio(found, lambda: busy(0.5), lambda: busy(0.25)) == 0.5
