//! What every store must do, whatever its engine: the same cases run on each.

#![allow(clippy::unwrap_used)]

pub mod batches;
pub mod catalogs;
pub mod pages;
pub mod values;
pub mod world;

/// Makes a test of each case for an engine: a function that opens an empty store.
#[macro_export]
macro_rules! conformance {
    ($engine:path; $($file:ident: $($case:ident),* $(,)?);* $(;)?) => {$(
        mod $file {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    use $crate::conformance::world::Engine as _;
                    let engine = $engine().await;
                    $crate::conformance::$file::$case(&engine).await;
                    engine.close().await;
                }
            )*
        }
    )*};
}

/// All cases.
#[macro_export]
macro_rules! all_cases {
    ($engine:path) => {
        $crate::conformance! { $engine;
            batches:
                a_batch_is_read_back_from_every_table,
                a_repeated_batch_changes_nothing_more,
                a_batch_with_one_bad_row_leaves_nothing,
                sums_are_exact_past_64_bits_and_an_empty_group_has_no_row,
                a_sum_that_overflows_is_refused_with_its_batch,
                cells_without_a_mark_are_refused,
                rows_are_deleted_by_their_key,
                a_deleted_state_is_remembered_without_its_bytes,
                a_parked_state_says_from_where,
                waiting_ids_are_listed_once_with_their_reason,
                what_one_id_waits_for_is_read_in_order,
                history_is_read_in_stretches,
                the_newest_keyed_commands_are_remembered;
            catalogs:
                a_catalog_changed_meanwhile_is_a_conflict,
                a_catalog_survives_a_restart,
                a_view_filled_by_a_shadow_run_joins_without_a_copy,
                what_no_run_names_any_more_goes,
                a_run_that_comes_back_begins_anew,
                a_view_that_nothing_defines_is_refused,
                a_reader_beside_follows_a_new_catalog;
            values:
                values_of_every_type_are_read_back,
                the_longest_names_and_an_empty_text_key_work;
            pages:
                a_walk_over_pages_is_the_sorted_list,
                columns_not_asked_for_are_null,
                a_page_that_does_not_fit_is_refused,
                whole_tables_are_walked_in_stretches,
                groups_are_paged_across_their_cells;
        }
    };
}
