/// Differences between a Kafka service and Apache's brokers. The default has none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dialect {
    /// Partitions and replicas of a topic that is created without numbers. `None`: weir asks the brokers.
    pub defaults: Option<(u32, u16)>,
    /// Settings that the service itself writes on topics, with the written value; `None` stands for any value.
    /// Observations leave such settings out, since no user asked for them.
    pub writes: &'static [(&'static str, Option<&'static str>)],
}

impl Dialect {
    /// Returns `true` if rights come from bindings alone, as with Apache's brokers; services also have roles.
    pub(crate) fn only_bindings(&self) -> bool {
        self.defaults.is_none()
    }

    /// Returns `true` if the service, and not a user, wrote this setting.
    pub(crate) fn writes(&self, name: &str, value: &str) -> bool {
        self.writes.iter().any(|(own, always)| *own == name && always.is_none_or(|always| always == value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_users_are_reported() {
        let dialect = Dialect { writes: &[("type", None), ("context", Some("default"))], ..Dialect::default() };
        let shown = [("type", "standard"), ("context", "default"), ("context", "ours"), ("retention.ms", "1")]
            .map(|(name, value)| !dialect.writes(name, value));
        assert_eq!(shown, [false, false, true, true]);
    }
}
