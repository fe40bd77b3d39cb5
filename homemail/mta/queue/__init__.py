# SPDX-License-Identifier: MIT
"""The queue: what must wait, durable, and the loop that tries it until it is done."""
