"""TeX as readable text: Greek letters, operators, simple powers and indices; what is not known stays as it was written."""

from __future__ import annotations

import re

_SYMBOLS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ",
    "upsilon": "υ", "phi": "φ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ",
    "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω", "times": "×", "cdot": "·", "div": "÷",
    "pm": "±", "mp": "∓", "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "neq": "≠", "ne": "≠", "approx": "≈", "sim": "∼", "equiv": "≡",
    "propto": "∝", "infty": "∞", "partial": "∂", "nabla": "∇", "sum": "∑", "prod": "∏", "int": "∫", "in": "∈", "notin": "∉",
    "subset": "⊂", "subseteq": "⊆", "cup": "∪", "cap": "∩", "emptyset": "∅", "forall": "∀", "exists": "∃", "rightarrow": "→", "to": "→",
    "leftarrow": "←", "Rightarrow": "⇒", "Leftrightarrow": "⇔", "implies": "⇒", "iff": "⇔", "ldots": "…", "cdots": "⋯", "dots": "…",
    "mid": "|", "lVert": "‖", "rVert": "‖", "langle": "⟨", "rangle": "⟩", "circ": "∘", "ast": "∗", "odot": "⊙", "oplus": "⊕",
    "otimes": "⊗", "land": "∧", "lor": "∨", "neg": "¬", "ell": "ℓ", "ll": "≪", "gg": "≫", "quad": "  ", "qquad": "    ",
}  # fmt: skip
_FUNCTIONS = frozenset(
    ("log", "ln", "exp", "sin", "cos", "tan", "min", "max", "argmin", "argmax", "lim", "sup", "inf", "det", "dim", "softmax", "Pr", "mod")
)
_SUPER = dict(zip("0123456789+-=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ", strict=True))
_SUB = dict(zip("0123456789+-=()aeijkmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑᵢⱼₖₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))
_WRAPPERS = re.compile(r"\\(?:text|mathrm|mathbf|mathit|mathcal|mathbb|operatorname|boldsymbol|textbf|hat|bar|vec)\{([^{}]*)\}")
_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}")
_ROOT = re.compile(r"\\sqrt\{([^{}]*)\}")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_SPACING = re.compile(r"\\[,;:! ]|\\(?:left|right|displaystyle|limits|big|Big|bigl|bigr)(?![A-Za-z])")
_SCRIPT = re.compile(r"([\^_])(?:\{([^{}]*)\}|(\w))")


def readable(tex: str) -> str:
    """`tex` (at most a few hundred characters are worth it) in plain characters."""
    if len(tex) > 2000:
        return tex
    text = _SPACING.sub(lambda found: " " if found[0] in ("\\,", "\\;", "\\:", "\\ ") else "", tex)
    for _depth in range(3):
        before = text
        text = _WRAPPERS.sub(r"\1", text)
        text = _FRACTION.sub(lambda found: f"{_grouped(found[1])}/{_grouped(found[2])}", text)
        text = _ROOT.sub(lambda found: f"√{_grouped(found[1])}", text)
        if text == before:
            break
    text = _COMMAND.sub(lambda found: _SYMBOLS.get(found[1], found[1] if found[1] in _FUNCTIONS else found[0]), text)
    return _SCRIPT.sub(_script, text).replace("\\{", "{").replace("\\}", "}").replace("\\%", "%").replace("\\_", "_")


def _grouped(part: str) -> str:
    return part if re.fullmatch(r"\w+|\\\w+", part) else f"({part})"


def _script(found: re.Match[str]) -> str:
    inner = found[2] if found[2] is not None else found[3]
    table = _SUPER if found[1] == "^" else _SUB
    if inner and all(character in table for character in inner):
        return "".join(table[character] for character in inner)
    return f"{found[1]}{inner}" if len(inner) == 1 else f"{found[1]}({inner})"
