//! Paging.

use serde_json::Value;
use weir_fake_confluent::{Behaviour, LastPage, TotalSize};

use super::{Heard, Subject};

const PATH: &str = "/iam/v2/service-accounts";

fn with(count: usize) -> Subject {
    let cloud = Subject::new();
    for number in 0..count {
        cloud.create_account(&format!("a-{number}"), "");
    }
    cloud
}

/// Follows `next` until it is missing, or the same as before.
fn pages(cloud: &Subject, query: &str) -> Vec<Heard> {
    let mut pages: Vec<Heard> = Vec::new();
    let mut at = format!("{PATH}?{query}");
    loop {
        let page = cloud.get(&at);
        assert_eq!(page.status, 200, "{page:?}");
        let next = page.body.pointer("/metadata/next").and_then(Value::as_str).map(ToOwned::to_owned);
        pages.push(page);
        match next.as_deref().and_then(|next| next.strip_prefix(&cloud.url())) {
            Some(next) if next != at => at = next.to_owned(),
            _ => return pages,
        }
    }
}

#[test]
fn the_pages_of_a_list_hold_each_item_once() {
    let cloud = with(23);
    for (query, sizes) in [("", vec![10, 10, 3]), ("page_size=23", vec![23]), ("page_size=22", vec![22, 1])] {
        let pages = pages(&cloud, query);
        let of_each: Vec<_> = pages.iter().map(|page| page.each("/id")).collect();
        assert_eq!(of_each.iter().map(Vec::len).collect::<Vec<_>>(), sizes);
        let mut all = of_each.concat();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 23);
    }
    cloud.configure(|behaviour| behaviour.page_limit = Some(9));
    assert_eq!(pages(&cloud, "page_size=100").len(), 3);
}

#[test]
fn the_filter_applies_to_every_page() {
    let cloud = with(5);
    let pages = pages(&cloud, "display_name=a-1&display_name=a-3&page_size=1");
    assert_eq!(pages.iter().flat_map(|page| page.each("/display_name")).count(), 2);
}

#[test]
fn invalid_parameters_are_refused() {
    let cloud = with(1);
    for query in ["page_size=101", "page_size=0", "page_size=x", "page_token=x", "page_token="] {
        let refused = cloud.get(&format!("{PATH}?{query}"));
        assert_eq!((refused.status, refused.text("/errors/0/code").as_str()), (400, "invalid_filter"), "{query}");
    }
    // This list has a larger limit.
    assert_eq!(cloud.get("/service-quota/v1/applied-quotas?scope=organization&page_size=200").status, 200);
}

#[test]
fn a_list_ends_in_five_ways() {
    let mut cloud = with(3);
    // An empty text is not a URI.
    cloud.meant = &["`/metadata/next`"];
    let end = |last_page| {
        cloud.configure(|behaviour: &mut Behaviour| behaviour.last_page = last_page);
        let pages = pages(&cloud, "page_size=2");
        (pages.len(), pages.last().unwrap().body["metadata"].clone())
    };
    let (count, metadata) = end(LastPage::Absent);
    assert_eq!((count, metadata.get("next")), (2, None));
    assert_eq!(end(LastPage::Null).1.get("next"), Some(&Value::Null));
    assert_eq!(end(LastPage::Empty).1["next"], "");
    assert_eq!(end(LastPage::NoMetadata), (2, serde_json::json!({})));
    let (count, metadata) = end(LastPage::Repeats);
    assert_eq!(count, 2, "the second says that the second follows");
    assert!(metadata["next"].as_str().unwrap().contains("page_token="));
}

#[test]
fn total_size_may_be_wrong_or_missing() {
    let cloud = with(3);
    let total = |total_size| {
        cloud.configure(|behaviour: &mut Behaviour| behaviour.total_size = total_size);
        pages(&cloud, "page_size=2").iter().map(|page| page.body["metadata"]["total_size"].as_u64()).collect::<Vec<_>>()
    };
    assert_eq!(total(TotalSize::ThisPage), [Some(2), Some(1)]);
    assert_eq!(total(TotalSize::All), [Some(3), Some(3)]);
    assert_eq!(total(TotalSize::Absent), [None, None]);
}
