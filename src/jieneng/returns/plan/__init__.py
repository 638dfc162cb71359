"""plan: the plan of a round: its calendar, who enters what where (modes A, B, C), deadlines, single extensions, exemptions."""
