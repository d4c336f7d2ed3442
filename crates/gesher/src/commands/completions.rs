//! `completions` and `reference commands`: what the command line says of itself.

use crate::cli::{Cli, CompletionsArgs};
use crate::exit::Exit;
use crate::output::Output;
use clap::{Command, CommandFactory};

/// Prints the completions of a shell.
pub fn run(output: Output, args: &CompletionsArgs) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "gesher", &mut script);
    output.raw(&String::from_utf8_lossy(&script));
    Exit::Well
}

/// The reference page of the commands, in Markdown.
pub fn reference() -> String {
    let mut root = Cli::command();
    root.build();
    let mut page = String::from(
        "# Commands\n\n`gesher [--hub DIR] [--json] COMMAND`. `--hub` names the hub's folder, by default the current one. With \
         `--json` results are one JSON document, or one object a line for lists. Results go to standard output, words beside them to standard \
         error.\n\n| exit code | meaning |\n|---|---|\n| 0 | all well |\n| 1 | some items declined, rejected, invalid, \
         not sent or incomplete |\n| 2 | the command or the configuration is wrong |\n| 3 | something is `unknown` |\n| 4 | \
         something waits for a person, or was stopped |\n| 5 | the hub itself failed |\n\nWhere several hold, the first of \
         5, 2, 3, 4, 1.\n",
    );
    for command in root.get_subcommands_mut().filter(|command| !command.is_hide_set()) {
        section(&mut page, command);
    }
    page
}

fn section(page: &mut String, command: &mut Command) {
    if command.get_name() == "help" {
        return;
    }
    // What every command takes is said once, above.
    let mut alone =
        command.clone().mut_arg("hub", |arg| arg.hide(true)).mut_arg("json", |arg| arg.hide(true));
    let help: Vec<String> =
        alone.render_long_help().to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    let help = help.join("\n");
    page.push_str(&format!("\n## gesher {}\n\n```text\n{}\n```\n", command.get_name(), help.trim_end()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_each_command_that_is_shown() {
        let page = reference();
        for command in Cli::command().get_subcommands() {
            let heading = format!("## gesher {}\n", command.get_name());
            assert_eq!(page.contains(&heading), !command.is_hide_set(), "{heading}");
        }
    }
}
