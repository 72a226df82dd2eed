//! The calls of the `orders` example domain, and the same calls against a bare handler.

use std::io::Write;
use std::sync::Mutex;

use anyhow::{Result, ensure};

use super::client::Answer;
use super::drive::Scenario;

/// How many customers the orders are spread over.
const CUSTOMERS: u64 = 10_000;
/// How many ids are kept for reading back.
const KEPT_IDS: usize = 100_000;

/// Writes a POST with a JSON body.
pub fn post(path: &str, body: &[u8], out: &mut Vec<u8>) {
    head(
        out,
        format_args!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        ),
    );
    out.extend_from_slice(body);
}

/// Writes a GET.
pub fn get(path: &str, headers: &str, out: &mut Vec<u8>) {
    head(out, format_args!("GET {path} HTTP/1.1\r\nhost: bench\r\n{headers}\r\n"));
}

fn head(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to memory can't fail");
}

/// A number that jumps about: a Weyl sequence through a multiply-shift mix.
fn scatter(connection: usize, call: u64) -> u64 {
    let x = (call + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ ((connection as u64) << 32);
    (x ^ (x >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 17
}

/// Writes the call that places an order; what is ordered depends on a number.
pub fn order(path: &str, number: u64, out: &mut Vec<u8>) {
    let customer = number % CUSTOMERS;
    let qty = number % 9 + 1;
    let body = format!(
        r#"{{"customer":"c-{customer}","lines":[{{"sku":"tea","qty":{qty},"price":450}},{{"sku":"cup","qty":1,"price":900}}]}}"#
    );
    post(path, body.as_bytes(), out);
}

/// Places orders, `POST /orders/place`, and keeps some of the ids.
pub struct Place {
    path: &'static str,
    patient: bool,
    ids: Mutex<Vec<String>>,
}

impl Place {
    /// Against Foldline.
    pub fn new() -> Place {
        Place { path: "/orders/place", patient: false, ids: Mutex::new(Vec::new()) }
    }

    /// Against one of several instances, which may have to put a call off.
    #[cfg(all(feature = "kafka", feature = "cql"))]
    pub fn patient() -> Place {
        Place { patient: true, ..Place::new() }
    }

    /// The ids that were kept.
    pub fn ids(&self) -> Vec<String> {
        self.ids.lock().map(|ids| ids.clone()).unwrap_or_default()
    }
}

impl Scenario for Place {
    fn request(&self, connection: usize, call: u64, out: &mut Vec<u8>) {
        order(self.path, scatter(connection, call), out);
    }

    fn check(&self, connection: usize, call: u64, answer: &Answer<'_>) -> Result<()> {
        ensure!(answer.status == 201, "an order was not placed");
        if connection.is_multiple_of(8) && call.is_multiple_of(2) {
            let id = id_of(answer.body)?;
            if let Ok(mut ids) = self.ids.lock()
                && ids.len() < KEPT_IDS
            {
                ids.push(id.to_owned());
            }
        }
        Ok(())
    }

    fn is_refusal(&self, answer: &Answer<'_>) -> bool {
        self.patient && matches!(answer.status, 429 | 503)
    }
}

/// The `id` of an answer that starts with it.
pub fn id_of(body: &[u8]) -> Result<&str> {
    let text = std::str::from_utf8(body)?;
    let id = text.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next());
    id.ok_or_else(|| anyhow::anyhow!("an answer without an id"))
}

/// Reads states by id: all of `ids` in a scattered order.
pub struct GetState {
    ids: Vec<String>,
}

impl GetState {
    /// Reads these ids; one id means that the cache answers.
    pub fn new(ids: Vec<String>) -> GetState {
        GetState { ids }
    }

    fn id(&self, connection: usize, call: u64) -> &str {
        &self.ids[(scatter(connection, call) % self.ids.len() as u64) as usize]
    }
}

impl Scenario for GetState {
    fn request(&self, connection: usize, call: u64, out: &mut Vec<u8>) {
        get(&format!("/orders/{}", self.id(connection, call)), "", out);
    }

    fn check(&self, connection: usize, call: u64, answer: &Answer<'_>) -> Result<()> {
        ensure!(answer.status == 200, "a state was not read");
        ensure!(id_of(answer.body)? == self.id(connection, call), "the state of another order");
        Ok(())
    }
}

/// Reads pages of 20 rows of `orders-by-customer`.
pub struct ListView;

impl Scenario for ListView {
    fn request(&self, connection: usize, call: u64, out: &mut Vec<u8>) {
        let customer = scatter(connection, call) % CUSTOMERS;
        get(&format!("/views/orders-by-customer?customer=c-{customer}&limit=20"), "", out);
    }

    fn check(&self, _: usize, _: u64, answer: &Answer<'_>) -> Result<()> {
        ensure!(answer.status == 200, "a view was not read");
        ensure!(answer.body.starts_with(b"{\"items\":["), "not a page");
        Ok(())
    }
}

/// The bare handler's POST: the same request and an answer of the same size.
pub struct BarePost(Place);

impl BarePost {
    /// Against the bare server.
    pub fn new() -> BarePost {
        BarePost(Place::new())
    }
}

impl Scenario for BarePost {
    fn request(&self, connection: usize, call: u64, out: &mut Vec<u8>) {
        self.0.request(connection, call, out);
    }

    fn check(&self, _: usize, _: u64, answer: &Answer<'_>) -> Result<()> {
        ensure!(answer.status == 201, "the bare handler refused");
        Ok(())
    }
}

/// The bare handler's GET.
pub struct BareGet;

impl Scenario for BareGet {
    fn request(&self, _: usize, _: u64, out: &mut Vec<u8>) {
        get("/orders/0199aa00-0000-7000-8000-000000000000", "", out);
    }

    fn check(&self, _: usize, _: u64, answer: &Answer<'_>) -> Result<()> {
        ensure!(answer.status == 200, "the bare handler refused");
        Ok(())
    }
}
