"""How numbers and names are written for readers."""

import math

import pandas as pd

NO_NUMBER = "\N{EN DASH}"


def class_label(name: str, label: int) -> str:
    """A class's name with its number, unless the name is the number."""
    return name if name == str(label) else f"{name} ({label})"


def starred(arm: str, chosen: bool) -> str:
    """An arm's name, with a star where validation chose its temperature."""
    return f"{arm} *" if chosen else arm


def show_interval(mean: float, high: float, digits: int = 2) -> str:
    """93.12 ± 0.22, the interval being symmetric; the mean alone where there is no interval; a dash for no number."""
    if pd.isna(mean):
        return NO_NUMBER
    return show_number(mean, digits) + _half(mean, high, digits)


def show_number(value: float, digits: int, *, signed: bool = False) -> str:
    """A number with a minus sign, or either sign; 0 has none."""
    value = round(float(value), digits) or 0.0  # numpy's own rounding is not that of the exact value
    return f"{value:{'+' if signed and value else ''}.{digits}f}".replace("-", "\N{MINUS SIGN}")


def show_significant(value: float, *, signed: bool = False) -> str:
    """A number with three significant digits, those before the point all; a dash for none."""
    if pd.isna(value):
        return NO_NUMBER
    digits = max(2 - math.floor(math.log10(abs(value))), 0) if value else 0
    return show_number(value, digits, signed=signed)


def _half(mean: float, high: float, digits: int) -> str:
    return "" if pd.isna(high) else f" \N{PLUS-MINUS SIGN} {high - mean:.{digits}f}"


def show_difference(mean: float, high: float, digits: int = 2) -> str:
    """As `show_interval`, with a sign: +0.31 ± 0.30."""
    if pd.isna(mean):
        return NO_NUMBER
    return show_number(mean, digits, signed=True) + _half(mean, high, digits)


def show_p(p: float) -> str:
    """A p value with three decimals, a dash for none."""
    if pd.isna(p):
        return NO_NUMBER
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def show_count(value: float) -> str:
    """1,234,567, or a dash for none."""
    return NO_NUMBER if pd.isna(value) else f"{value:,.0f}"


def show_whole(values: pd.Series) -> list[str]:
    """Whole numbers, a dash for none."""
    return [NO_NUMBER if pd.isna(value) else f"{value:.0f}" for value in values]
