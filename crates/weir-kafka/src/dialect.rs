/// Where a Kafka service differs from Apache's brokers. The default: nowhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dialect {
    /// Partitions and replicas of a topic that asks for none. Absent: the brokers are asked.
    pub defaults: Option<(u32, u16)>,
    /// Settings that the service itself writes on topics, with the value it writes; absent: whatever the value. Such
    /// are never shown: nobody asked for them.
    pub writes: &'static [(&'static str, Option<&'static str>)],
}

impl Dialect {
    /// Whether rights come from bindings alone, as with Apache's brokers; services have roles as well.
    pub(crate) fn only_bindings(&self) -> bool {
        self.defaults.is_none()
    }

    /// Whether the service wrote this setting, and not its users.
    pub(crate) fn writes(&self, name: &str, value: &str) -> bool {
        self.writes.iter().any(|(own, always)| *own == name && always.is_none_or(|always| always == value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_users_set_is_shown() {
        let dialect = Dialect { writes: &[("type", None), ("context", Some("default"))], ..Dialect::default() };
        let shown = [("type", "standard"), ("context", "default"), ("context", "ours"), ("retention.ms", "1")]
            .map(|(name, value)| !dialect.writes(name, value));
        assert_eq!(shown, [false, false, true, true]);
    }
}
