//! One module per rule. To add a rule: write its module, name it here, and add a folder of cases.

use crate::Rule;

macro_rules! all {
    ($($rule:ident),+ $(,)?) => {
        $(mod $rule;)+

        /// All rules, by id.
        pub(crate) static ALL: &[Rule] = &[$($rule::RULE),+];
    };
}

all! {
    access_list,
    account_description,
    account_owner,
    cluster_rights,
    cluster_shape,
    config_contradiction,
    duplicate_grant,
    empty_acl,
    empty_pattern,
    ending,
    grant_shape,
    group_owner,
    internal_name,
    kafka_name,
    key_rotation,
    min_insync_replicas,
    name_collision,
    name_space,
    namespace_missing,
    namespace_name,
    one_slot,
    owned_scope,
    ownership,
    partitions,
    path_authority,
    replication_factor,
    rule_shape,
    secret_name_collision,
    service_account_name,
    setting_read_only,
    setting_value,
    sharing_consent,
    signature_key,
    slot_name,
    stage_contradiction,
    stage_list,
    stage_order,
    stage_overlap,
    threshold,
    tombstoned_reference,
    unknown_placeholder,
    unknown_reference,
    unknown_setting,
    vault_host,
    vault_login,
    vault_missing,
    vault_shared,
    vault_url,
}
