//! Loading folders: what is right loads, what is wrong is refused at its very character.

#[path = "load/folder.rs"]
mod folder;
#[path = "load/hostile.rs"]
mod hostile;
#[path = "load/places.rs"]
mod places;
#[path = "load/refusals.rs"]
mod refusals;
#[path = "load/right.rs"]
mod right;
