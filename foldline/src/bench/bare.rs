//! The yardstick: an actix-web server that only parses the same requests and answers the same
//! JSON. What HTTP itself costs on this machine.

use std::net::SocketAddr;

use actix_web::{App, HttpResponse, HttpServer, web};
use serde::Deserialize;

/// The command's body, parsed as a hand-written service would.
#[derive(Deserialize)]
struct PlaceOrder {
    customer: String,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    #[allow(dead_code, reason = "parsed as the real service parses it")]
    sku: String,
    qty: i32,
    price: i64,
}

async fn place(body: web::Json<PlaceOrder>) -> HttpResponse {
    let total: i64 = body.lines.iter().map(|line| i64::from(line.qty) * line.price).sum();
    if total <= 0 || body.customer.is_empty() {
        return HttpResponse::UnprocessableEntity().finish();
    }
    HttpResponse::Created().content_type("application/json").body(
        r#"{"id":"0199aa00-0000-7000-8000-000000000000","version":1,"events":[{"type":"OrderPlaced","version":1}],"position":"AQIDBAUGBwgJCgsMDQ4PEBESExQ"}"#,
    )
}

async fn state() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(
        r#"{"id":"0199aa00-0000-7000-8000-000000000000","version":1,"state":{"status":"placed","customer":"c-1","lines":[{"sku":"tea","qty":2,"price":450},{"sku":"cup","qty":1,"price":900}],"total":1800,"placed_at":"2026-11-21T10:00:00.123Z","paid_at":null,"tracking":null,"reason":null}}"#,
    )
}

/// Serves until the process ends; prints its address as the first line.
pub async fn serve(address: SocketAddr) -> anyhow::Result<()> {
    let server = HttpServer::new(|| {
        App::new()
            .route("/orders/place", web::post().to(place))
            .route("/orders/{id}", web::get().to(state))
    })
    .bind(address)?;
    for address in server.addrs() {
        crate::cli::say(&format!("listening on http://{address}"));
    }
    server.run().await?;
    Ok(())
}
