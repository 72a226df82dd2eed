//! Flights: one command books a party, a view has a row per seat, and the last seat is sold once.

use anyhow::Result;
use foldline_tests::Served;
use serde_json::{Value, json};

use crate::support::{
    count, done, nothing, on_both_engines, position, race, refused, rows, state, types,
};

on_both_engines!("tests/domains" / "flights":
    a_party_is_booked_by_one_command,
    the_last_seat_is_sold_once,
);

async fn schedule(world: &Served, id: &str, rows: i64) -> Result<String> {
    let body = json!({"number": "FL1", "departs": "2126-12-24T10:00:00.5+01:00", "rows": rows, "business_rows": 1});
    done(world, &format!("/flights/{id}/schedule"), body).await?;
    Ok(format!("/flights/{id}"))
}

fn party(seats: &[(&str, &str, &str)]) -> Value {
    let fly = |(name, cabin, seat): &(&str, &str, &str)| json!({"name": name, "cabin": cabin, "seat": seat});
    json!({"party": seats.iter().map(fly).collect::<Vec<_>>()})
}

async fn a_party_is_booked_by_one_command(world: &Served) -> Result<()> {
    let flight = schedule(world, "FL1.2126-12-24", 2).await?;
    let book = format!("{flight}/book");
    let two = party(&[("ann", "business", "1A"), ("bob", "economy", "2B")]);
    let booked = done(world, &book, two).await?;
    assert_eq!(types(&booked), ["BookingMade", "SeatBooked", "SeatBooked"]);
    assert_eq!(booked.json["version"], 4);
    let free = "/views/free-seats?number=FL1&cabin=economy";
    let place = ["seat", "place"];
    assert_eq!(rows(world, free, &position(&booked), &place).await?, json!([["2A", 2]]));
    let mine = rows(
        world,
        "/views/passengers?passenger=bob",
        &position(&booked),
        &["seat", "departs", "booking"],
    )
    .await?;
    let booking = &mine[0][2];
    assert!(booking.as_str().is_some_and(|id| id.len() == 36), "{mine}");
    assert_eq!(mine, json!([["2B", "2126-12-24T09:00:00.5Z", booking]]));
    let taken = party(&[("eve", "economy", "2B")]);
    refused(world, &book, taken, (409, "seat-taken")).await?;
    let twice = party(&[("eve", "economy", "2A"), ("kim", "economy", "2A")]);
    refused(world, &book, twice, (422, "seat-twice")).await?;
    let nowhere = party(&[("eve", "economy", "1B")]);
    refused(world, &book, nowhere, (422, "no-such-seat")).await?;
    refused(world, &book, nothing(), (422, "invalid-input")).await?;
    let rest = party(&[("eve", "economy", "2A"), ("kim", "business", "1B")]);
    let full = done(world, &book, rest).await?;
    assert_eq!(types(&full).last(), Some(&"FlightFull"));
    let load = ["cabin", "taken", "seats"];
    let load = rows(world, "/views/seat-load", &position(&full), &load).await?;
    assert_eq!(load, json!([["business", true, 2], ["economy", true, 2]]));
    let gone = done(world, &format!("{flight}/cancel"), nothing()).await?;
    assert_eq!(types(&gone).len(), 5);
    let events = "/views/seat-events?flight=FL1.2126-12-24";
    let told = rows(world, events, &position(&gone), &["type", "seat", "nth"]).await?;
    assert_eq!(told[0], json!(["SeatBooked", "1A", 1]));
    assert_eq!(told[7], json!(["SeatReleased", "2B", 0]));
    let again = done(world, &format!("{flight}/cancel"), nothing()).await?;
    assert_eq!((types(&again).len(), &again.json["version"]), (0, &json!(13)));
    Ok(())
}

async fn the_last_seat_is_sold_once(world: &Served) -> Result<()> {
    let flight = schedule(world, "F-1", 1).await?;
    let book = format!("{flight}/book");
    done(world, &book, party(&[("ann", "business", "1A")])).await?;
    let fifty = (0..50).map(|n| {
        let name = format!("p-{n}");
        (book.clone(), party(&[(name.as_str(), "business", "1B")]))
    });
    let answers = race(world, fifty).await?;
    assert_eq!(count(&answers, 200, ""), 1, "{answers:?}");
    assert_eq!(count(&answers, 409, "seat-taken"), 49, "{answers:?}");
    let delayed = done(world, &format!("{flight}/delay"), json!({"minutes": 1440})).await?;
    let seen = state(world, &flight, &position(&delayed)).await?;
    assert_eq!(seen["delays"], json!(["2126-12-24T09:00:00.5Z"]));
    assert_eq!(seen["bookings"], json!({"anonymous": 2}));
    let day = "/views/departures?day=2126-12-25";
    let columns = ["number", "free", "delayed"];
    assert_eq!(rows(world, day, &position(&delayed), &columns).await?, json!([["FL1", 0, true]]));
    let old = world.get(&format!("{flight}?version=1")).await?;
    assert_eq!(old.json["state"]["seats"][1]["passenger"], Value::Null, "{old:?}");
    Ok(())
}
