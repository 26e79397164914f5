use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_int};
use std::fmt;

use rdkafka::bindings::*;
use rdkafka::client::ClientContext;

use crate::admin::{Admin, Op};
use crate::error::{Error, ItemError};
use crate::ffi;
use crate::native::{Owned, Ref, array, c_string, getters, refused};
use crate::options::Options;

/// Hash function of a SCRAM credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ScramMechanism {
    /// SCRAM-SHA-256.
    Sha256,
    /// SCRAM-SHA-512.
    Sha512,
    /// A mechanism that librdkafka cannot name: possible in answers, refused in requests.
    Unknown,
}

/// Description of a SCRAM credential, as the broker reports it. The password cannot be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScramCredential {
    /// Hash function.
    pub mechanism: ScramMechanism,
    /// Number of times the password was hashed.
    pub iterations: i32,
}

/// A change of a user's SCRAM credential. Its `Debug` output contains no password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ScramAlteration<'a> {
    /// Creates or replaces the credential.
    Upsert {
        /// The user, without `User:`.
        user: &'a str,
        /// Hash function.
        mechanism: ScramMechanism,
        /// Number of times the password is hashed; brokers accept 4,096 to 16,384.
        iterations: i32,
        /// The password. Not empty.
        password: &'a [u8],
        /// The salt, not empty; `None` for 64 random bytes from OpenSSL.
        salt: Option<&'a [u8]>,
    },
    /// Deletes the credential. Fails if there is none.
    Delete {
        /// The user, without `User:`.
        user: &'a str,
        /// Hash function.
        mechanism: ScramMechanism,
    },
}

impl ScramAlteration<'_> {
    /// The user.
    pub fn user(&self) -> &str {
        match self {
            Self::Upsert { user, .. } | Self::Delete { user, .. } => user,
        }
    }
}

impl fmt::Debug for ScramAlteration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upsert { user, mechanism, iterations, .. } => f
                .debug_struct("Upsert")
                .field("user", user)
                .field("mechanism", mechanism)
                .field("iterations", iterations)
                .finish_non_exhaustive(),
            Self::Delete { user, mechanism } => {
                f.debug_struct("Delete").field("user", user).field("mechanism", mechanism).finish()
            }
        }
    }
}

impl<C: ClientContext + 'static> Admin<C> {
    /// Returns the SCRAM credentials of `users`, or of all users for `None` (`rd_kafka_DescribeUserScramCredentials`).
    ///
    /// If a user in `users` has no credential, the map holds the error
    /// [`ResourceNotFound`](rdkafka::types::RDKafkaErrorCode::ResourceNotFound) for that user. No user may occur twice.
    ///
    /// If a broker refuses the request as a whole, [`ItemError::message`] is librdkafka's description of the code, and
    /// some bytes are leaked: librdkafka (2.12.1) then returns an invalid message, and an answer that cannot be freed.
    ///
    /// # Limits
    ///
    /// librdkafka accepts an answer with at most 10,000 users.
    ///
    /// # Errors
    ///
    /// [`Error::Item`] for an empty name or a NUL character; [`Error::Request`].
    pub async fn describe_scram_credentials(
        &self,
        users: Option<&[&str]>,
        options: &Options,
    ) -> Result<BTreeMap<String, Result<Vec<ScramCredential>, ItemError>>, Error> {
        // librdkafka would read an empty list of users as "all users".
        if users.is_some_and(<[_]>::is_empty) {
            return Ok(BTreeMap::new());
        }
        let reply = {
            let users = users.unwrap_or_default().iter().enumerate();
            let names = users.map(|(index, user)| named(index, user)).collect::<Result<Vec<CString>, _>>()?;
            let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
            let op = Op::new(
                rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBEUSERSCRAMCREDENTIALS,
                RD_KAFKA_EVENT_DESCRIBEUSERSCRAMCREDENTIALS_RESULT,
            );
            self.request(
                op,
                options,
                // SAFETY: everything is alive, the names are copied.
                |to| unsafe {
                    let count = pointers.len();
                    rd_kafka_DescribeUserScramCredentials(
                        to.client,
                        pointers.as_mut_ptr(),
                        count,
                        to.options,
                        to.queue,
                    );
                },
                |event| Ok(event.scram_users().map(described).collect()),
            )?
        };
        reply.get().await
    }

    /// Creates, replaces and deletes SCRAM credentials (`rd_kafka_AlterUserScramCredentials`).
    ///
    /// The results are in the order of `alterations`. No user may occur twice, not even with two mechanisms: Apache
    /// Kafka then refuses all alterations of that user. librdkafka's main thread hashes the password of each upsert,
    /// which takes some milliseconds; other calls of this client wait meanwhile. librdkafka keeps copies of the
    /// passwords until the request is answered, and does not overwrite the copies.
    ///
    /// # Errors
    ///
    /// [`Error::Item`] for an empty user, password or salt, an unknown mechanism, or a NUL character in the user name;
    /// [`Error::Request`], also for a build without the feature `ssl`.
    pub async fn alter_scram_credentials(
        &self,
        alterations: &[ScramAlteration<'_>],
        options: &Options,
    ) -> Result<Vec<Result<(), ItemError>>, Error> {
        if alterations.is_empty() {
            return Ok(Vec::new());
        }
        let reply = {
            let mut natives = alterations.iter().enumerate().map(alteration).collect::<Result<Vec<_>, _>>()?;
            let op = Op::new(
                rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_ALTERUSERSCRAMCREDENTIALS,
                RD_KAFKA_EVENT_ALTERUSERSCRAMCREDENTIALS_RESULT,
            );
            self.request(
                op,
                options,
                // SAFETY: everything is alive, the alterations are copied.
                |to| unsafe {
                    let count = natives.len();
                    rd_kafka_AlterUserScramCredentials(to.client, array(&mut natives), count, to.options, to.queue);
                },
                |event| {
                    let answers = event.scram_answers();
                    Ok(answers
                        .map(|a| (a.user().unwrap_or_default(), a.error().map_or(Ok(()), Ref::check)))
                        .collect::<BTreeMap<String, Result<(), ItemError>>>())
                },
            )?
        };
        let answers = reply.get().await?;
        let answer =
            |alteration: &ScramAlteration<'_>| answers.get(alteration.user()).cloned().unwrap_or_else(no_answer);
        Ok(alterations.iter().map(answer).collect())
    }
}

fn no_answer() -> Result<(), ItemError> {
    const BAD_MSG: i32 = -199;
    Err(ItemError::new(BAD_MSG, Some("the broker gave no answer for this user".into())))
}

fn described(
    user: Ref<'_, rd_kafka_UserScramCredentialsDescription_t>,
) -> (String, Result<Vec<ScramCredential>, ItemError>) {
    let credentials = user.error().map_or(Ok(()), Ref::check).map(|()| {
        // SAFETY: `user` is alive, the index is below the count, and the credential lives as long as the user.
        let credential = |index| unsafe {
            Ref::new(rd_kafka_UserScramCredentialsDescription_scramcredentialinfo(user.as_ptr(), index))
        };
        (0..user.credential_count())
            .filter_map(credential)
            .map(|info: Ref<'_, rd_kafka_ScramCredentialInfo_t>| ScramCredential {
                mechanism: ScramMechanism::from_number(info.mechanism()),
                iterations: info.iterations(),
            })
            .collect()
    });
    (user.user().unwrap_or_default(), credentials)
}

fn named(index: usize, user: &str) -> Result<CString, Error> {
    if user.is_empty() { Err(refused(index, "a user without a name")) } else { c_string(index, "user", user) }
}

fn alteration(
    (index, alteration): (usize, &ScramAlteration<'_>),
) -> Result<Owned<rd_kafka_UserScramCredentialAlteration_t>, Error> {
    let user = named(index, alteration.user())?;
    let native = match *alteration {
        ScramAlteration::Upsert { mechanism, iterations, password, salt, .. } => {
            if password.is_empty() || salt.is_some_and(<[_]>::is_empty) {
                return Err(refused(index, "an empty password or salt"));
            }
            let mechanism = mechanism.native(index)?;
            let (salt, salt_size) = salt.map_or((std::ptr::null(), 0), |salt| (salt.as_ptr(), salt.len()));
            // SAFETY: the name, password and salt are copied, with the sizes given; the new object is ours.
            unsafe {
                Owned::new(rd_kafka_UserScramCredentialUpsertion_new(
                    user.as_ptr(),
                    mechanism,
                    iterations,
                    password.as_ptr(),
                    password.len(),
                    salt,
                    salt_size,
                ))
            }
        }
        ScramAlteration::Delete { mechanism, .. } => {
            let mechanism = mechanism.native(index)?;
            // SAFETY: the name is copied; the new object is ours.
            unsafe { Owned::new(rd_kafka_UserScramCredentialDeletion_new(user.as_ptr(), mechanism)) }
        }
    };
    native.ok_or_else(|| refused(index, "not an alteration"))
}

impl ScramMechanism {
    fn native(self, index: usize) -> Result<rd_kafka_ScramMechanism_t, Error> {
        match self {
            Self::Sha256 => Ok(rd_kafka_ScramMechanism_t::RD_KAFKA_SCRAM_MECHANISM_SHA_256),
            Self::Sha512 => Ok(rd_kafka_ScramMechanism_t::RD_KAFKA_SCRAM_MECHANISM_SHA_512),
            Self::Unknown => Err(refused(index, "an unknown mechanism")),
        }
    }

    fn from_number(number: c_int) -> Self {
        match number {
            1 => Self::Sha256,
            2 => Self::Sha512,
            _ => Self::Unknown,
        }
    }
}

getters! {
    rd_kafka_event_t {
        list scram_users: rd_kafka_UserScramCredentialsDescription_t =
            rd_kafka_DescribeUserScramCredentials_result_descriptions;
        list scram_answers: rd_kafka_AlterUserScramCredentials_result_response_t =
            rd_kafka_AlterUserScramCredentials_result_responses;
    }
}

getters! {
    rd_kafka_UserScramCredentialsDescription_t {
        text user = rd_kafka_UserScramCredentialsDescription_user;
        object error: rd_kafka_error_t = rd_kafka_UserScramCredentialsDescription_error;
        number credential_count: usize = rd_kafka_UserScramCredentialsDescription_scramcredentialinfo_count;
    }
}

getters! {
    rd_kafka_ScramCredentialInfo_t {
        number mechanism: c_int = ffi::rd_kafka_ScramCredentialInfo_mechanism;
        number iterations: i32 = rd_kafka_ScramCredentialInfo_iterations;
    }
}

getters! {
    rd_kafka_AlterUserScramCredentials_result_response_t {
        text user = rd_kafka_AlterUserScramCredentials_result_response_user;
        object error: rd_kafka_error_t = rd_kafka_AlterUserScramCredentials_result_response_error;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPSERT: ScramAlteration<'_> = ScramAlteration::Upsert {
        user: "u",
        mechanism: ScramMechanism::Sha512,
        iterations: 4096,
        password: b"hunter2",
        salt: Some(b"salty"),
    };

    #[test]
    fn a_password_is_not_printed() {
        let text = format!("{UPSERT:?}");
        assert_eq!(text, r#"Upsert { user: "u", mechanism: Sha512, iterations: 4096, .. }"#);
    }

    #[test]
    fn alterations_are_built() {
        alteration((0, &UPSERT)).unwrap();
        alteration((0, &ScramAlteration::Delete { user: "u", mechanism: ScramMechanism::Sha256 })).unwrap();
    }

    #[test]
    fn a_rejection_names_the_item() {
        let refused = |a: ScramAlteration<'_>| alteration((2, &a)).unwrap_err().to_string();
        let delete = |user, mechanism| ScramAlteration::Delete { user, mechanism };
        assert_eq!(refused(delete("", ScramMechanism::Sha256)), "item 2: a user without a name");
        assert_eq!(refused(delete("a\0", ScramMechanism::Sha256)), r#"item 2: the user "a\0" holds a NUL character"#);
        assert_eq!(refused(delete("a", ScramMechanism::Unknown)), "item 2: an unknown mechanism");
        let upsert = |password, salt| ScramAlteration::Upsert {
            user: "u",
            mechanism: ScramMechanism::Sha256,
            iterations: 4096,
            password,
            salt,
        };
        assert_eq!(refused(upsert(b"", None)), "item 2: an empty password or salt");
        assert_eq!(refused(upsert(b"a", Some(b""))), "item 2: an empty password or salt");
    }
}
