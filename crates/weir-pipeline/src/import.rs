//! From live clusters to files.

use std::collections::BTreeMap;

use thiserror::Error;
use weir_adapters::{Live, OpenError, observe_everything, open};
use weir_findings::Severity;
use weir_import::{Import, ImportError, Imported, TeamRule, import_stages, secrets_needed};
use weir_model::{UnknownStage, Workspace};
use weir_planning::Observed;
use weir_ports::PortError;

use crate::Checked;

/// The reason why nothing is imported.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportFailure {
    /// A file has an error, so its entities would be imported a second time. The findings of the check show it.
    #[error("a file of the workspace has an error, so its entities would be imported a second time")]
    Malformed,
    /// The workspace has no such stage.
    #[error(transparent)]
    Stage(#[from] UnknownStage),
    /// A cluster or a vault cannot be reached.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A cluster cannot be read.
    #[error("failed to observe the cluster of stage `{stage}`")]
    Observe {
        /// The stage.
        stage: String,
        /// The error of the cluster.
        #[source]
        source: PortError,
    },
    /// A vault cannot be read.
    #[error("failed to read the vaults of stage `{stage}`")]
    Vaults {
        /// The stage.
        stage: String,
        /// The error of the vault.
        #[source]
        source: PortError,
    },
    /// The objects cannot be written as files.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// weir cannot read the files that it would write: a mistake in weir.
    #[error("weir could not read its own files: {0}")]
    Unreadable(String),
}

impl Checked {
    /// Observes the clusters of `stages`, and returns the objects that no file declares as new files.
    ///
    /// Write the files only if [`Imported::findings`] is empty. `schema` is the path from the new files to the JSON Schema
    /// of all kinds, for editors.
    ///
    /// # Errors
    /// If a file of the workspace has an error, a stage is unknown, a cluster or vault cannot be read, or an object has
    /// no team.
    pub async fn import(
        &self,
        stages: &[String],
        teams: &TeamRule,
        schema: Option<String>,
    ) -> Result<Imported, ImportFailure> {
        if self.loaded.findings.iter().any(|finding| finding.severity == Severity::Error) {
            return Err(ImportFailure::Malformed);
        }
        let workspace = self.loaded.workspace.as_ref().ok_or(ImportFailure::Malformed)?;
        let mut clusters = self.observe_clusters(workspace, stages).await?;
        let (now, stages) = (self.now, states(&clusters));
        let needed = secrets_needed(&Import { workspace, stages, teams, now, schema: None })?;
        for (stage, secrets) in needed.into_iter().filter(|(_, secrets)| !secrets.is_empty()) {
            let Some((live, observed)) = clusters.get_mut(&stage) else { continue };
            let inspected = live.vaults.inspect(&secrets).await;
            observed.secrets = inspected.map_err(|source| ImportFailure::Vaults { stage, source })?;
        }
        let imported = import_stages(&Import { workspace, stages: states(&clusters), teams, now, schema })?;
        self.verify(&imported)?;
        Ok(imported)
    }

    /// Observes the clusters, by stage. Stages that share a cluster see the same state.
    async fn observe_clusters(&self, workspace: &Workspace, stages: &[String]) -> Result<States, ImportFailure> {
        let mut clusters = BTreeMap::<&str, (Live, Observed)>::new();
        let mut observed = States::new();
        for name in stages {
            let cluster = workspace.stage(name)?.stage.cluster.as_str();
            if !clusters.contains_key(cluster) {
                let live = open(&self.dir, workspace, name).await?;
                let all = observe_everything(&live).await;
                let all = all.map_err(|source| ImportFailure::Observe { stage: name.clone(), source })?;
                clusters.insert(cluster, (live, all));
            }
            observed.extend(clusters.get(cluster).map(|state| (name.clone(), state.clone())));
        }
        Ok(observed)
    }

    /// Checks that weir can read the new files beside those of the workspace.
    fn verify(&self, imported: &Imported) -> Result<(), ImportFailure> {
        let before = self.loaded.sources.iter().map(|(_, file)| (file.path().to_owned(), file.text().to_owned()));
        // A name that no file of the workspace can have.
        let new = imported.files.iter().map(|(name, text)| (format!("\u{0}import/{name}"), text.clone()));
        let loaded = weir_model::load(before.chain(new));
        let wrong = loaded.findings.into_iter().find(|finding| finding.severity == Severity::Error);
        wrong.map_or(Ok(()), |finding| Err(ImportFailure::Unreadable(finding.message)))
    }
}

/// Clusters with their observed state, by stage.
type States = BTreeMap<String, (Live, Observed)>;

fn states(clusters: &States) -> Vec<(String, &Observed)> {
    clusters.iter().map(|(stage, (_, observed))| (stage.clone(), observed)).collect()
}
