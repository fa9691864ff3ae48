"""
`python tests/fuzzing KIND [options of libFuzzer]`: atheris searches for a value of KIND that breaks its check.

It needs the extra `fuzzing`. `-max_total_time=3600` ends it after an hour. Without KIND it lists the kinds. Texts are
made of the bytes that atheris draws, starting from the corpus. Hypothesis draws other values from these bytes.
"""

import os
import runpy
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).parents[1]


def main(kind: str, options: list[str]) -> None:
    import atheris

    with atheris.instrument_imports(include=["corsguard"]):
        # This configures Django and Hypothesis.
        runpy.run_path(os.fspath(TESTS / "conftest.py"))
        from fuzzing.targets import TARGETS
    from fuzzing.corpus import CORPUS
    from fuzzing.test_fuzzing import check_in_time
    from hypothesis import given

    values, check, _ = TARGETS[kind]
    seeds = [value for value in CORPUS[kind] if isinstance(value, str)]

    def read(data: bytes) -> None:
        check_in_time(check, data.decode("utf-8", "surrogateescape"))

    @given(values)
    def draw(value):
        check_in_time(check, value)

    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds):
            Path(folder, str(number)).write_bytes(seed.encode("utf-8", "surrogatepass"))
        atheris.Setup([sys.argv[0], *options, folder], read if seeds else draw.hypothesis.fuzz_one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    sys.path[:0] = [os.fspath(TESTS), os.fspath(TESTS / "house")]
    from fuzzing.corpus import CORPUS as KINDS

    if sys.argv[1:2] and sys.argv[1] in KINDS:
        main(sys.argv[1], sys.argv[2:])
    else:
        sys.exit(f"python tests/fuzzing KIND; KIND is one of {', '.join(KINDS)}")
