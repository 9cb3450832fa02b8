"""Virtual machine sizes: cores, quota family, and whether a managed online endpoint accepts them.

Managed online endpoints accept DSv2, Dav4, Dasv4, Esv3, Fsv2, NCasT4_v3 and NCadsA100_v4
(https://learn.microsoft.com/azure/machine-learning/reference-managed-online-endpoints-vm-sku-list, read 2026-07);
Dsv3, Dsv5, Ev5 and the B series run training clusters only.
"""

from __future__ import annotations

from typing import NamedTuple


class Size(NamedTuple):
    """`family` is the name Azure's quota goes by."""

    cores: int
    family: str
    serves: bool


_FAMILIES: tuple[tuple[str, str, bool, dict[str, int]], ...] = (
    ("Standard DSv2 Family", "Standard_DS{}_v2", True, {"1": 1, "2": 2, "3": 4, "4": 8, "5": 16}),
    ("Standard Dav4 Family", "Standard_D{}a_v4", True, {str(n): n for n in (2, 4, 8, 16, 32, 48, 64, 96)}),
    ("Standard Dasv4 Family", "Standard_D{}as_v4", True, {str(n): n for n in (2, 4, 8, 16, 32, 48, 64, 96)}),
    ("Standard ESv3 Family", "Standard_E{}s_v3", True, {str(n): n for n in (2, 4, 8, 16, 32, 48, 64)}),
    ("Standard FSv2 Family", "Standard_F{}s_v2", True, {str(n): n for n in (2, 4, 8, 16, 32, 48, 64, 72)}),
    ("Standard NCASv3_T4 Family", "Standard_NC{}as_T4_v3", True, {str(n): n for n in (4, 8, 16, 64)}),
    ("Standard NCADSA100v4 Family", "Standard_NC{}ads_A100_v4", True, {str(n): n for n in (24, 48, 96)}),
    ("Standard DSv3 Family", "Standard_D{}s_v3", False, {str(n): n for n in (2, 4, 8, 16, 32, 48, 64)}),
    ("Standard DSv5 Family", "Standard_D{}s_v5", False, {str(n): n for n in (2, 4, 8, 16, 32, 48, 64, 96)}),
    ("Standard DDSv5 Family", "Standard_D{}ds_v5", False, {str(n): n for n in (2, 4, 8, 16, 32, 48, 64, 96)}),
    ("Standard EDSv4 Family", "Standard_E{}ds_v4", False, {str(n): n for n in (2, 4, 8, 16, 20, 32, 48, 64)}),
    ("Standard ESv5 Family", "Standard_E{}s_v5", False, {str(n): n for n in (2, 4, 8, 16, 20, 32, 48, 64, 96)}),
    ("Standard BS Family", "Standard_B{}ms", False, {"2": 2, "4": 4, "8": 8}),
)

SIZES: dict[str, Size] = {
    pattern.format(number): Size(cores, family, serves)
    for family, pattern, serves, numbers in _FAMILIES
    for number, cores in numbers.items()
}
SERVING_SIZES = {name: size for name, size in SIZES.items() if size.serves}
