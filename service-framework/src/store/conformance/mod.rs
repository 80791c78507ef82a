//! What holds over every backend: one list of cases, run over each.

mod batches;
mod fixture;
mod leases;
mod properties;
mod reading;
mod waiting;

/// A test for each case, over the fixture that this function makes.
macro_rules! over {
    ($backend:ident, $fixture:expr; $($group:ident: $($case:ident)*;)*) => {
        mod $backend {
            $(mod $group {
                $(#[test]
                fn $case() {
                    if let Some(fixture) = $fixture {
                        super::super::$group::$case(&fixture);
                    }
                })*
            })*
        }
    };
}

macro_rules! all_cases_over {
    ($backend:ident, $fixture:expr) => {
        over! {
            $backend, $fixture;
            batches: appended_events_are_read_back
                versions_are_expected_and_both_are_said
                a_batch_is_whole_or_not_at_all
                parts_see_those_before_them
                an_append_without_events_looks_at_the_version
                packing_keeps_versions
                what_cannot_be_packed_says_what_is_there
                a_removed_stream_begins_anew
                keys_are_unique_until_released
                keys_run_out
                names_and_sizes_have_limits
                payloads_of_any_bytes_and_sizes_stay_as_they_are;
            leases: a_lease_is_one_owners_until_it_runs_out
                every_change_of_hands_raises_the_epoch
                the_epoch_decides_and_not_the_time
                a_lost_lease_is_not_renewed_nor_released
                a_released_lease_fences_at_once;
            reading: streams_are_listed_by_their_marks
                listings_have_pages
                events_are_read_from_a_version_up_to_a_limit
                what_is_not_there_reads_as_nothing
                times_are_the_stores
                reads_see_what_was_acknowledged;
            waiting: timers_are_taken_when_due_and_by_one
                a_timer_is_replaced_and_cancelled
                messages_are_taken_from_their_queue
                messages_that_are_done_are_gone
                what_is_next_is_known
                changes_wake_those_who_wait
                changes_between_two_waits_are_not_missed;
        }
    };
}

all_cases_over!(memory, Some(super::super::fixture::Fixture::memory()));
all_cases_over!(sqlite, Some(super::super::fixture::Fixture::sqlite()));

#[cfg(feature = "postgres")]
all_cases_over!(postgres, super::super::fixture::Fixture::postgres());

#[cfg(feature = "postgres")]
pub(super) use fixture::{Database, database};
