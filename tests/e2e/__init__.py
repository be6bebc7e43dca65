# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end tests: real traffic in namespaces of their own."""
