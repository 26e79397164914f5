use weir_findings::RulePage;

/// Returns the pages of all rules, by id: of files, form, meaning and plans, and those about policies and waivers.
pub fn rule_pages() -> Vec<&'static RulePage<'static>> {
    let mut pages: Vec<_> = crate::read::RULE_PAGES
        .iter()
        .chain([&crate::codeowners::RULE_PAGE])
        .chain(weir_validation::rule_pages())
        .chain(weir_planning::rule_pages())
        .chain(weir_policy::rule_pages())
        .collect();
    pages.sort_by_key(|page| page.id);
    pages
}
