//! The yardstick: an actix-web server that only parses the same requests and answers the same
//! JSON. What HTTP itself costs on this machine.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use serde::Deserialize;

/// Many connections are made before the first of them is used.
const PATIENCE: Duration = Duration::from_secs(60);

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

const STATE: &str = r#"{"id":"0199aa00-0000-7000-8000-000000000000","version":1,"state":{"status":"placed","customer":"c-1","lines":[{"sku":"tea","qty":2,"price":450},{"sku":"cup","qty":1,"price":900}],"total":1800,"placed_at":"2026-11-21T10:00:00.123Z","paid_at":null,"tracking":null,"reason":null}}"#;

async fn state() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(STATE)
}

/// The same with the id that is asked for, after the one read that answers it.
#[cfg(all(feature = "kafka", feature = "cql"))]
async fn read(
    question: web::Data<read_store::cql::yardstick::StateRead>,
    id: web::Path<String>,
) -> HttpResponse {
    match question.ask(&id).await {
        Ok(cells) if cells > 0 => HttpResponse::Ok()
            .content_type("application/json")
            .body(STATE.replacen("0199aa00-0000-7000-8000-000000000000", &id, 1)),
        Ok(_) => HttpResponse::NotFound().finish(),
        Err(_) => HttpResponse::ServiceUnavailable().finish(),
    }
}

/// Serves reads until the process ends; prints its address as the first line.
#[cfg(all(feature = "kafka", feature = "cql"))]
pub async fn serve_read(
    address: SocketAddr,
    question: read_store::cql::yardstick::StateRead,
) -> anyhow::Result<()> {
    let question = web::Data::new(question);
    let server = HttpServer::new(move || {
        App::new().app_data(question.clone()).route("/orders/{id}", web::get().to(read))
    })
    .backlog(4_096)
    .client_request_timeout(PATIENCE)
    .bind(address)?;
    for address in server.addrs() {
        crate::cli::say(&format!("listening on http://{address}"));
    }
    server.run().await?;
    Ok(())
}

/// Serves until the process ends; prints its address as the first line.
pub async fn serve(address: SocketAddr) -> anyhow::Result<()> {
    let server = HttpServer::new(|| {
        App::new()
            .route("/orders/place", web::post().to(place))
            .route("/orders/{id}", web::get().to(state))
    })
    .backlog(4_096)
    .client_request_timeout(PATIENCE)
    .bind(address)?;
    for address in server.addrs() {
        crate::cli::say(&format!("listening on http://{address}"));
    }
    server.run().await?;
    Ok(())
}
