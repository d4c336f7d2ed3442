//! `/triggers/` and the folders and views that a trigger is made from.

use super::company_changes::EmptyAnswer;
use super::trigger_type::TriggerType;
use super::wire::{answer, endpoint, request};

endpoint! {
    /// Has an address called when something changes. There is no list of what was subscribed.
    SubscribeTrigger = "/triggers/triggers/subscribe/", SubscribeTriggerRequest => EmptyAnswer
}
endpoint! {
    /// Ends what was subscribed for an address.
    UnsubscribeTrigger = "/triggers/triggers/unsubscribe/", UnsubscribeTriggerRequest => EmptyAnswer
}
endpoint! {
    /// The folders of the organisation's records.
    ListFolders = "/crm/schema/listfolders/", ListFoldersRequest => ListFoldersAnswer
}
endpoint! {
    /// The views of a folder.
    ListViews = "/crm/views/listviews/", ListViewsRequest => ListViewsAnswer
}

request! {
    /// What is watched, and whom to tell.
    SubscribeTriggerRequest {
        must {
            /// Whom to tell. Nothing signs the calls, so the address itself holds a secret, in hexadecimal digits.
            #[schemars(length(min = 1))]
            url "URL": String,
            /// The folder's id, as text.
            #[schemars(length(min = 1))]
            folder "Folder": String,
            /// The view's id: its columns are what the calls tell.
            view "View": i64,
            /// What to tell of: `Create`, `Update`, `CreateOrUpdate`, `Archive` or `Delete`.
            trigger_type "TriggerType": TriggerType,
        }
    }
}
request! {
    /// The address that is told no more.
    UnsubscribeTriggerRequest {
        must {
            /// As it was subscribed.
            #[schemars(length(min = 1))]
            url "URL": String,
        }
    }
}
request! {
    /// Which folders.
    ListFoldersRequest {
        text {
            /// Those with this in their names.
            name_filter "NameFilter",
        }
    }
}
request! {
    /// Of which folder.
    ListViewsRequest {
        must {
            /// The folder's id.
            folder_id "FolderID": i64,
        }
    }
}
answer! {
    /// The folders.
    ListFoldersAnswer {
        /// By id and name.
        folders "Folders": Vec<Named>,
    }
}
answer! {
    /// The views.
    ListViewsAnswer {
        /// By id and name.
        views "Views": Vec<Named>,
    }
}
answer! {
    /// A folder or a view.
    Named {
        /// The provider's id of it.
        id "ID": i64,
        /// Its name.
        name "Name": Option<String>,
    }
}
