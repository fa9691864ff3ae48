"""
The cases that are played in real browsers: there are enough of each family, and any two choices are together in one
case.
"""

from collections import Counter
from itertools import combinations, product

from kit.matrix import FAMILIES, cases, paired


def test_any_two_choices_are_together_in_a_case():
    choices = {"one": [0, 1, 2, 3], "two": [0, 1, 2], "three": [0, 1], "four": [0, 1, 2]}
    rows = list(paired(**choices))
    for (one, ours), (other, theirs) in combinations(choices.items(), 2):
        assert {(row[one], row[other]) for row in rows} == set(product(ours, theirs))
    assert len(rows) < 20
    assert rows == list(paired(**choices))


def test_every_family_has_its_share_of_the_cases():
    shares = Counter(key.rpartition("-")[0] for key in cases())
    assert len(shares) == len(FAMILIES)
    assert shares.total() > 1500
    assert min(shares.values()) >= 4
