//! The protection that a forge needs, so that only a team can merge changes to its own paths.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::Ownership;

/// The teams that a forge cannot ask for a review, because their `Team` names nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoReviewers {
    /// The names of the teams.
    pub teams: Vec<String>,
}

/// The paths of a team, and the reviewers of changes to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected<'w> {
    /// The name of the team.
    pub team: &'w str,
    /// The paths, as patterns from the root of the repository. A pattern that ends with `/` is a folder.
    pub paths: Vec<String>,
    /// The reviewers; empty if the `Team` names nobody.
    pub reviewers: Vec<String>,
}

/// Paths, from the root of a repository, that decide who merges changes and what the pipelines run. They are the platform
/// team's wherever the workspace lies.
const OF_FORGE: [&str; 6] =
    ["/.github/", "/CODEOWNERS", "/docs/CODEOWNERS", "/.azuredevops/", "/azure-pipelines.yml", "/azure-pipelines.yaml"];

impl<'w> Ownership<'w> {
    /// Returns the text of a CODEOWNERS file. `folder` is the folder of the workspace in its repository, with `/`; empty
    /// for the root.
    ///
    /// Of the lines that match a path, the last one counts (GitHub, "About code owners"): the platform team comes first,
    /// with everything. If the workspace is a folder of the repository, "everything" is that folder, the file CODEOWNERS
    /// and the pipelines.
    ///
    /// # Errors
    /// If a team has no `reviewers`.
    pub fn codeowners(&self, folder: &str) -> Result<String, NoReviewers> {
        let all = complete(self.protected(folder))?;
        let mut text = String::from(
            "# Written by `weir-entity codeowners` from `ownership` in weir.yaml. To change it, change weir.yaml and run the\n\
             # command again. The last line that matches a path counts.\n\n",
        );
        for Protected { paths, reviewers, .. } in all {
            for path in paths {
                // A blank ends the pattern.
                let _ = writeln!(text, "{} {}", path.replace(' ', "\\ "), reviewers.join(" "));
            }
        }
        Ok(text)
    }

    /// Returns the branch policies of Azure Repos: a list of bodies for `POST …/_apis/policy/configurations` (Azure DevOps
    /// REST API 7.1), of the type "Required reviewers".
    ///
    /// A team's reviewers are its `reviewers`, or else the groups under `members`: ids in both cases.
    ///
    /// # Errors
    /// If a team has neither.
    pub fn branch_policies(&self, folder: &str, repository: &str, branch: &str) -> Result<Value, NoReviewers> {
        let ids = |team: &weir_model::TeamSpec| match team.reviewers.as_slice() {
            [] => team.members.iter().filter_map(|member| member.group.clone()).collect(),
            reviewers => reviewers.to_vec(),
        };
        let all = complete(self.protected_by(folder, ids))?;
        // A pattern with `!` takes paths out again.
        let without: Vec<String> =
            all.iter().skip(1).flat_map(|team| &team.paths).map(|path| format!("!{}", pattern(path))).collect();
        let policies = all.iter().enumerate().map(|(i, Protected { team, paths, reviewers })| {
            let mut patterns: Vec<String> = paths.iter().map(|path| pattern(path)).collect();
            if i == 0 {
                patterns.extend(without.iter().cloned());
            }
            json!({
                "isEnabled": true,
                "isBlocking": true,
                "type": {"id": REQUIRED_REVIEWERS},
                "settings": {
                    "requiredReviewerIds": reviewers,
                    "filenamePatterns": patterns,
                    "addedFilesOnly": false,
                    "minimumApproverCount": 1,
                    "creatorVoteCounts": false,
                    "message": format!("Kafka: files of team {team}"),
                    "scope": [{
                        "repositoryId": repository,
                        "refName": format!("refs/heads/{branch}"),
                        "matchKind": "exact",
                    }],
                },
            })
        });
        Ok(policies.collect())
    }

    /// Returns a path of a new file for each path of each team, relative to the workspace.
    pub fn examples(&self) -> Vec<String> {
        let teams = self.workspace.teams.keys();
        let paths = teams.flat_map(|team| self.templates.iter().map(|template| template.of_team(team)));
        paths
            .map(|path| {
                let path = path.trim_start_matches('/').replace('*', "any");
                if path.ends_with('/') { format!("{path}new.yaml") } else { path }
            })
            .collect()
    }

    /// Returns the paths of the platform team, then those of every other team, each with its `reviewers`. Of the patterns
    /// that match a path, the last one counts. `folder` is the folder of the workspace in its repository, with `/`; empty
    /// for the root.
    pub fn protected(&self, folder: &str) -> Vec<Protected<'w>> {
        self.protected_by(folder, |team| team.reviewers.clone())
    }

    fn protected_by(
        &self,
        folder: &str,
        reviewers: impl Fn(&weir_model::TeamSpec) -> Vec<String>,
    ) -> Vec<Protected<'w>> {
        let folder = folder.trim_matches('/');
        let root = if folder.is_empty() { String::new() } else { format!("/{folder}") };
        let teams = &self.workspace.teams;
        let platform = self.platform();
        let everything = match root.as_str() {
            "" => vec!["*".to_owned()],
            root => OF_FORGE.iter().map(|path| (*path).to_owned()).chain([format!("{root}/")]).collect(),
        };
        let of = |team: &'w str| teams.get(team).map(|team| reviewers(&team.spec)).unwrap_or_default();
        let mut all = vec![Protected { team: platform, paths: everything, reviewers: of(platform) }];
        for team in teams.keys().filter(|team| *team != platform) {
            let paths = self.templates.iter().map(|template| format!("{root}{}", template.of_team(team))).collect();
            all.push(Protected { team, paths, reviewers: of(team) });
        }
        all
    }
}

/// Refuses a list in which a team has no reviewers.
fn complete(all: Vec<Protected<'_>>) -> Result<Vec<Protected<'_>>, NoReviewers> {
    let missing: Vec<String> =
        all.iter().filter(|team| team.reviewers.is_empty()).map(|team| team.team.to_owned()).collect();
    if missing.is_empty() { Ok(all) } else { Err(NoReviewers { teams: missing }) }
}

/// The id of the policy type "Required reviewers" of Azure Repos.
const REQUIRED_REVIEWERS: &str = "fd2167ab-b0be-447a-8ec8-39368250530e";

/// Returns a path as the filters of Azure Repos have it: `/teams/toll/*` for everything below a folder.
fn pattern(path: &str) -> String {
    match path {
        "*" => "/*".to_owned(),
        path if path.ends_with('/') => format!("{path}*"),
        path => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::Ownership;

    const FILES: &str = "
apiVersion: weir/v1
kind: Workspace
metadata: {name: shop}
spec:
  clusters: {local: {sandbox: {path: .weir/local}}}
  stages: [{name: dev, cluster: local}]
  ownership: {platform: platform, teams: {paths: ['teams/{team}/**', 'kafka/{team}.yaml']}}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: platform}, spec: {reviewers: ['@shop/platform']}}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: toll}, spec: {reviewers: ['@shop/toll', '@ada'], members: [{group: g1}]}}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: cards}, spec: {members: [{group: g2}, {user: ada@example.com}]}}
";

    #[test]
    fn the_forge_learns_the_paths_of_every_team() {
        let workspace = weir_model::load([("weir.yaml", FILES)]).workspace.unwrap();
        let ownership = Ownership::of(&workspace).unwrap();
        assert_eq!(ownership.codeowners("").unwrap_err().teams, ["cards"]);
        let mut workspace = workspace.clone();
        workspace.teams.get_mut("cards").unwrap().spec.reviewers = vec!["@shop/cards".to_owned()];
        let ownership = Ownership::of(&workspace).unwrap();
        let lines = |folder: &str| ownership.codeowners(folder).unwrap().lines().skip(3).collect::<Vec<_>>().join("\n");
        assert_eq!(
            lines(""),
            "* @shop/platform\n/teams/cards/ @shop/cards\n/kafka/cards.yaml @shop/cards\n\
             /teams/toll/ @shop/toll @ada\n/kafka/toll.yaml @shop/toll @ada"
        );
        assert_eq!(
            lines("ci/kafka"),
            "/.github/ @shop/platform\n/CODEOWNERS @shop/platform\n/docs/CODEOWNERS @shop/platform\n\
             /.azuredevops/ @shop/platform\n/azure-pipelines.yml @shop/platform\n/azure-pipelines.yaml @shop/platform\n\
             /ci/kafka/ @shop/platform\n/ci/kafka/teams/cards/ @shop/cards\n/ci/kafka/kafka/cards.yaml @shop/cards\n\
             /ci/kafka/teams/toll/ @shop/toll @ada\n/ci/kafka/kafka/toll.yaml @shop/toll @ada"
        );
    }

    #[test]
    fn azure_repos_ask_for_groups() {
        let mut workspace = weir_model::load([("weir.yaml", FILES)]).workspace.unwrap();
        workspace.teams.get_mut("toll").unwrap().spec.reviewers.clear();
        let ownership = Ownership::of(&workspace).unwrap();
        let policies = ownership.branch_policies("", "repo", "main").unwrap();
        assert_eq!(policies[0]["settings"]["filenamePatterns"][0], "/*");
        assert_eq!(policies[0]["settings"]["filenamePatterns"][1], "!/teams/cards/*");
        assert_eq!(policies[1]["settings"]["requiredReviewerIds"], serde_json::json!(["g2"]));
        assert_eq!(
            policies[2]["settings"]["filenamePatterns"],
            serde_json::json!(["/teams/toll/*", "/kafka/toll.yaml"])
        );
        assert_eq!(policies[2]["settings"]["scope"][0]["refName"], "refs/heads/main");
    }
}
