# SPDX-License-Identifier: MIT
"""Final delivery to one owner: ``.forward``, Sieve's actions, programs, files.

``deliver.OwnerDelivery`` is the door. It runs inside the owner's worker, under the owner's uid.
"""
