//! The contract of a journal: named cases that every store behind [`Journal`](crate::Journal) has to pass.
//!
//! A case gets a store with nothing in it and may open it again, beside itself or after its end. Nothing here knows
//! what lies behind the trait; a store's own tests run [`CONTRACT`] over it.

#[macro_use]
mod place;
mod close;
mod close_item;
mod decisions;
mod events;
mod files;
mod items;
mod keys;
mod limits;
mod originals;
mod runs;
mod schedules;
mod sealed;
mod steps;
mod store;
mod vendors;
mod writes;

pub use place::{Broken, Place, Stores};

use std::future::Future;
use std::pin::Pin;

/// One case on its way.
pub type Running = Pin<Box<dyn Future<Output = Result<(), Broken>> + Send>>;

/// A case: what it proves, as a sentence, and how.
pub type Case = (&'static str, fn(Place) -> Running);

macro_rules! cases {
    ($($module:ident: $($name:ident)*;)*) => {
        &[$($((stringify!($name), |place| Box::pin($module::$name(place)) as Running)),*),*]
    };
}

/// Every case.
pub const CONTRACT: &[Case] = cases! {
    runs:
        a_run_id_is_taken_once
        a_run_is_read_as_it_was_written
        a_run_goes_only_where_its_state_allows
        a_held_run_keeps_its_terms_and_may_get_another_script
        a_run_may_be_held_from_its_first_commit_on
        a_change_leaves_what_it_does_not_name
        what_nobody_began_is_refused
        runs_are_listed_newest_first_and_by_flow
        unfinished_runs_are_listed_oldest_first;
    files:
        a_file_is_new_once
        a_file_that_left_rows_free_may_come_again
        a_file_whose_rows_were_mended_since_is_a_duplicate
        a_run_that_touched_no_row_does_not_count
        the_first_to_identify_a_file_keeps_it;
    events:
        an_event_begins_one_run_for_ever
        an_event_belongs_to_its_flow_and_trigger
        an_event_whose_run_cannot_begin_leaves_nothing
        one_event_from_many_sides_begins_one_run
        deliveries_wait_in_the_order_of_their_coming;
    schedules:
        a_schedule_is_known_since_it_was_written_down;
    items:
        an_item_is_read_as_it_was_written
        an_item_that_has_ended_stays_as_it_is
        an_item_nobody_claimed_cannot_end
        items_come_in_pages_and_by_status
        a_tally_adds_up_without_on_finish
        an_amount_that_is_no_money_is_refused_and_leaves_nothing;
    keys:
        a_row_key_is_held_spent_or_free_as_its_item_ended
        a_duplicate_never_had_the_key
        whoever_has_a_key_is_known_to_be_a_call
        in_one_file_the_first_row_of_a_key_wins
        row_keys_belong_to_their_flow
        a_row_found_invalid_takes_no_key
        rows_without_a_key_never_meet
        an_interrupted_run_goes_on_where_it_was
        a_row_that_lost_its_key_before_a_crash_is_decided_anew
        one_row_key_claimed_from_many_sides_is_taken_once;
    steps:
        a_step_is_read_as_it_was_written
        a_key_in_flight_is_not_sent_again
        a_spent_key_answers_what_is_recorded
        an_open_key_is_not_sent_again
        a_free_key_is_a_new_attempt_of_another_item_only
        operation_keys_belong_to_account_and_operation
        only_a_step_in_flight_can_be_finished
        a_position_holds_one_step
        a_step_without_an_effect_is_recorded_and_is_no_attempt
        what_a_dead_process_sent_becomes_unknown
        steps_come_in_the_order_of_their_intents
        one_key_begun_from_many_sides_is_sent_once;
    close:
        an_open_step_is_closed_once_and_its_row_follows
        only_what_is_open_can_be_closed_unlocked_or_looked_for
        an_unknown_step_may_become_a_conflict_and_no_other_way_back
        a_step_is_closed_only_with_its_item_as_it_was_seen
        an_item_whose_step_was_closed_meanwhile_is_not_unknown
        one_reference_closes_one_step
        an_item_at_work_hears_of_a_closed_step_when_it_goes_on
        reports_are_stale_until_they_show_every_closing
        a_subject_is_locked_for_other_keys_while_a_step_of_it_is_open
        a_lock_ends_with_its_step_or_when_a_person_says_so
        open_steps_come_in_the_order_of_their_intents_with_what_a_look_up_needs
        a_reference_belongs_to_one_step
        steps_near_are_the_open_ones_of_the_account_whatever_they_did;
    close_item:
        an_item_that_is_unknown_without_an_open_step_is_listed_and_ended_once;
    limits:
        a_limit_of_a_run_is_reached_exactly
        a_limit_of_one_call_stands_behind_its_key
        an_amount_counts_until_it_is_known_not_to_have_moved
        closing_gives_an_amount_back_or_keeps_it
        a_day_counts_every_run_of_its_flow_by_the_time_of_the_intent
        what_cannot_be_compared_with_a_limit_is_refused
        many_sides_never_go_beyond_a_limit_together;
    originals:
        what_is_given_back_ends_with_what_was_taken
        what_nobody_knows_counts_as_given_back
        what_cannot_be_summed_up_is_not_given_back
        a_payment_is_found_by_its_reference_and_a_refund_is_none
        many_sides_never_give_back_more_together;
    decisions:
        a_decision_waits_until_it_is_carried_out
        a_run_goes_on_together_with_its_decision_or_not_at_all
        a_script_is_kept_as_the_first_run_with_it_began;
    sealed:
        sealed_rows_are_stored_replaced_and_removed
        sealed_rows_come_with_their_outcome_or_not_at_all;
    vendors:
        a_vendor_follows_the_step_that_opens_it
        a_vendor_or_a_business_that_is_there_is_not_opened
        one_business_opened_from_many_sides_is_opened_once
        vendors_that_a_person_brings_are_all_known_or_none
        a_lost_opening_is_closed_together_with_its_keys
        a_vendor_goes_forward_by_outcomes_and_back_as_people_say
        sealed_rows_are_sealed_anew_together;
    store:
        what_a_flow_keeps_changes_with_its_step_or_not_at_all
        no_change_of_what_a_flow_keeps_is_lost_to_another
        an_alert_waits_until_it_is_delivered_or_given_up;
    writes:
        what_was_awaited_is_there_after_opening_again
        what_was_awaited_is_there_for_others_at_once
        a_write_that_was_awaited_proves_the_earlier_ones
        a_write_happens_though_nobody_waits
        a_refused_write_harms_no_neighbour;
};
