use weir_findings::RulePage;

/// Returns the pages of all rules, by id: of files, form, meaning and plans, and those about policies and waivers.
pub fn rule_pages() -> Vec<&'static RulePage<'static>> {
    let mut pages: Vec<_> = crate::read::RULE_PAGES
        .iter()
        .chain(weir_validation::pages())
        .chain(weir_planning::RULES)
        .chain(weir_policy::RULES)
        .collect();
    pages.sort_by_key(|page| page.id);
    pages
}
