# SPDX-License-Identifier: MIT
"""Typed settings, one frozen dataclass per subsystem; the TOML file; its own manual."""
