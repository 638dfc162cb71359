"""figures: numbers with their recipes: conversion, indicators, coverage, proof, and the pages that unfold them.

May import: core, rulebook, engine, people, records, registry, returns. Others may use: calculate, prove, overview.
"""
