"""chase: completeness (报送率 and 审核通过率 apart) and reminders (催报), for whoever has to get the returns in."""
