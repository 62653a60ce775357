//! Packages of Alpine Linux: signed repositories that are made by hand, and what becomes of a base with their packages; and
//! indexes, packages and an image of Alpine itself.
//!
//! The parts of Alpine come with the modules of two Go programs, so they are gathered only where there is a Go tool chain;
//! without them the tests that need them are told as ignored.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a helper that fails should stop its test, whose files need no careful errors"
)]

#[path = "../support/mod.rs"]
mod support;

mod files;
mod real;
mod scene;
mod scripts;
mod trust;
mod whole;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

/// A test and its name.
type Test = (&'static str, fn());

/// Names tests by their functions.
macro_rules! tests {
    ($module:ident: $($name:ident),* $(,)?) => {
        [$((stringify!($name), $module::$name as fn())),*]
    };
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let made: Vec<Test> = [
        &tests![whole:
            packages_and_what_they_need_become_a_layer,
            the_bytes_are_those_of_packages_version_1,
            a_rebuild_downloads_nothing_and_makes_the_same,
            a_package_that_was_pruned_is_downloaded_again,
            what_the_packages_bring_is_known,
            the_key_stands_for_all_that_decides_the_bytes,
            an_image_is_as_good_a_base_as_a_root_file_system,
            what_is_there_already_makes_no_layer,
        ][..],
        &tests![trust:
            only_trusted_keys_count,
            a_changed_byte_is_found_wherever_it_is,
            what_no_package_may_have_is_refused,
            a_repository_that_lacks_something_is_named,
            a_base_without_apk_is_named,
        ],
        &tests![files:
            files_land_where_the_links_of_the_base_lead,
            folders_of_the_base_are_never_written_again,
            names_of_one_file_stay_one_file,
            a_file_of_another_package_is_a_conflict_unless_it_is_replaced,
            files_of_nobody_give_way_but_for_settings,
            a_folder_and_a_file_do_not_take_each_others_place,
        ],
        &tests![scripts:
            a_script_that_is_not_run_is_told_and_kept,
            a_script_that_nobody_misses_is_not_told,
            triggers_of_the_base_are_told_when_they_would_have_run,
            scripts_of_apk_3_stay_packed,
        ],
    ]
    .concat();
    let parts = real::parts();
    if parts.is_none() {
        eprintln!(
            "IGNORED: there are no parts of Alpine (`make parts` gathers them where there is a Go tool chain)"
        );
    }
    let of_alpine = tests![real:
        the_indexes_of_alpine_are_signed_and_all_of_them_is_read,
        a_changed_byte_in_an_index_of_alpine_is_found,
        a_choice_from_alpine_is_the_one_that_apk_makes,
        a_package_of_alpine_is_right_from_signature_to_file,
        an_image_of_alpine_is_read_as_apk_does,
    ];
    let trial = |is_ignored: bool| {
        move |(name, test): Test| {
            let run = move || {
                test();
                Ok(())
            };
            Trial::test(name, run).with_ignored_flag(is_ignored)
        }
    };
    let trials = made.into_iter().map(trial(false));
    let trials = trials.chain(of_alpine.into_iter().map(trial(parts.is_none())));
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
