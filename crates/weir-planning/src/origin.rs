//! The origin of objects that exist already: weir takes over only those that a platform file names.

use crate::{Change, Desired, Maker, Object, Observed, ObservedAccount, Principal};

impl Desired {
    /// Returns the reason for which weir leaves the object of `change` alone, whatever the files say; `None` if the
    /// stage may change the object. No plan has a step for an object that is left alone.
    pub fn leaves_alone(&self, change: &Change, observed: &Observed) -> Option<String> {
        match change.about().object {
            Object::Topic(name) => {
                let exists = observed.topics.contains_key(name);
                self.foreign_topic(name).filter(|_| exists && !self.may_take_over_topic(name))
            }
            object => {
                let name = object.account()?;
                let foreign = || self.foreign_account(name, observed).filter(|_| !self.adopt.owns_account(name));
                self.protected_account(name, observed).or_else(foreign)
            }
        }
    }

    /// Returns the reason for which no stage takes over the principal of this name.
    pub(crate) fn protected_account(&self, name: &str, observed: &Observed) -> Option<String> {
        let (cluster, there) = (&observed.cluster, observed.accounts.get(name));
        let is = |principal: &Principal| observed.is(name, principal);
        if name == "*" {
            return Some("it stands for every principal".to_owned());
        }
        if *Principal::of_account(name) == *Principal::ANONYMOUS {
            return Some("it stands for clients that do not log in".to_owned());
        }
        // An account that this stage made stays its own: the rule `self-lockout` guards it.
        let made_here = there.is_some_and(|there| there.maker.as_ref() == Some(&self.maker()));
        if cluster.deployer.iter().chain(&cluster.control).any(is) && !made_here {
            return Some("weir deploys as this account".to_owned());
        }
        let is_super_user = self.super_users.contains(name) || cluster.super_users.iter().any(is);
        is_super_user.then(|| "it is a super user of the cluster".to_owned())
    }

    /// Returns the origin of an account that this stage did not make; `None` if it made the account, if there is no
    /// account, or if the workspace does not say who may change what. An account that another workspace made is foreign
    /// everywhere.
    pub(crate) fn foreign_account(&self, name: &str, observed: &Observed) -> Option<String> {
        let own = self.maker();
        match observed.accounts.get(name) {
            Some(ObservedAccount { maker, .. })
                if !self.governed && maker.as_ref().is_none_or(|maker| maker.workspace == own.workspace) =>
            {
                None
            }
            Some(ObservedAccount { maker: Some(maker), .. }) if *maker == own => None,
            Some(ObservedAccount { maker: Some(Maker { workspace, stage }), .. }) => {
                Some(format!("exists already; stage `{stage}` of the workspace `{workspace}` made it"))
            }
            Some(ObservedAccount { maker: None, .. }) => Some("exists already; not made by weir".to_owned()),
            None if !self.governed => None,
            // A principal that logs in without an account of the cluster, such as one with a certificate.
            None => {
                observed.acls.get(&*Principal::of_account(name)).filter(|acls| !acls.is_empty())?;
                Some("exists already as a principal with ACL bindings; not made by weir".to_owned())
            }
        }
    }

    /// Returns the origin of a declared topic that exists, if it may be somebody else's. Topics carry no mark.
    pub(crate) fn foreign_topic(&self, name: &str) -> Option<String> {
        let topic = self.topics.get(name).filter(|topic| self.governed && !topic.own_name)?;
        Some(format!("exists already, outside the name space of its team (`{}`)", topic.team))
    }

    /// Returns `true` if the platform team says that the stage may take over the topic: `adopt` names it, or a file of
    /// the platform team declares it.
    pub(crate) fn may_take_over_topic(&self, name: &str) -> bool {
        self.adopt.owns_topic(name) || self.topics.get(name).is_some_and(|topic| topic.by_platform)
    }
}
