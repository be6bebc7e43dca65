# SPDX-License-Identifier: GPL-2.0-or-later
"""What the end-to-end tests stand on: namespaces, actors, witnesses, the tracer under test."""
