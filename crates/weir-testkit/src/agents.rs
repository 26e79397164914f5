//! Commands that build agents read from logs, parsed as the agents' own sources do, independently of weir's
//! renderers.

use std::collections::BTreeMap;

/// A command that an agent finds in a line.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// The name of the command: `error`, `task.logissue`.
    pub name: String,
    /// The properties, without escapes.
    pub properties: BTreeMap<String, String>,
    /// The message.
    pub message: String,
}

/// GitHub's runner, `src/Runner.Common/ActionCommand.cs`: `::name key=value,key=value::message` at the beginning of a
/// line, else `##[name key=value;]message` anywhere in it.
pub fn github(line: &str) -> Option<Command> {
    let line = line.trim_start();
    if let Some(rest) = line.strip_prefix("::")
        && let Some((info, message)) = rest.split_once("::")
    {
        let (name, properties) = info.split_once(' ').unwrap_or((info, ""));
        let unescape = |text: &str| text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
        let property = |text: &str| {
            let text = text.replace("%0D", "\r").replace("%0A", "\n").replace("%3A", ":").replace("%2C", ",");
            text.replace("%25", "%")
        };
        let properties = properties
            .trim()
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), property(value)))
            .collect();
        return Some(Command { name: name.to_owned(), properties, message: unescape(message) });
    }
    let rest = &line[line.find("##[")? + 3..];
    let (name, message) = rest.split_once(']')?;
    Some(Command { name: name.to_owned(), properties: BTreeMap::new(), message: message.to_owned() })
}

/// The agent of Azure Pipelines, `src/Microsoft.VisualStudio.Services.Agent/Command.cs`: `##vso[area.event …]message`
/// anywhere in a line, in any case.
pub fn azure(line: &str) -> Option<Command> {
    let at = line.to_ascii_lowercase().find("##vso[")?;
    let (info, message) = line[at + 6..].split_once(']')?;
    let unescape = |text: &str| {
        let text = text.replace("%3B", ";").replace("%0D", "\r").replace("%0A", "\n").replace("%5D", "]");
        text.replace("%AZP25", "%")
    };
    let (name, properties) = info.split_once(' ').unwrap_or((info, ""));
    let properties = properties
        .split(';')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), unescape(value)))
        .collect();
    Some(Command { name: name.to_owned(), properties, message: unescape(message) })
}

/// Returns the lines of a log that command an agent. Tests expect only the intended ones.
pub fn commands(log: &str) -> Vec<&str> {
    log.lines().filter(|line| github(line).is_some() || azure(line).is_some()).collect()
}
