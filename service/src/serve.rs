//! The HTTP servers of a process: its public port, and its admin port for health and metrics.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{ServerHandle, ServiceRequest, ServiceResponse, fn_service};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use tokio::task::JoinHandle;

use crate::front::Front;
use crate::health::Health;
use crate::process::note;
use crate::telemetry::Metrics;

/// Where a process listens; port 0 takes a free one.
#[derive(Clone, Debug)]
pub struct Ports {
    /// Address of the APIs.
    pub public: String,
    /// Address of health and metrics.
    pub admin: String,
    /// Threads that serve the APIs; `None` = one per core.
    pub workers: Option<usize>,
}

/// A port that can't be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {cause}")]
pub struct CannotListen {
    /// The address that was asked for.
    pub address: String,
    /// What the system says.
    #[source]
    pub cause: io::Error,
}

/// Servers that run.
pub struct Serving {
    /// Addresses of the APIs, with real ports.
    pub public: Vec<SocketAddr>,
    /// Addresses of the admin port.
    pub admin: Vec<SocketAddr>,
    health: Arc<Health>,
    public_handle: Option<ServerHandle>,
    admin_handle: ServerHandle,
    tasks: Vec<JoinHandle<()>>,
}

/// How long running requests may take once the process is asked to stop.
pub const DRAIN: Duration = Duration::from_secs(10);

/// Bounds that keep slow or silent callers from holding connections. A macro, since the type of a
/// server names types of crates that this one does not depend on.
macro_rules! patient {
    ($server:expr) => {
        $server
            .backlog(4_096)
            .keep_alive(Duration::from_secs(75))
            .client_request_timeout(Duration::from_secs(10))
            .client_disconnect_timeout(Duration::from_secs(2))
            .shutdown_timeout(DRAIN.as_secs())
            .disable_signals()
    };
}

/// Starts both servers, on a tokio runtime.
pub fn serve(
    ports: &Ports,
    front: Arc<Front>,
    health: Arc<Health>,
    metrics: Metrics,
) -> Result<Serving, CannotListen> {
    is_free(&ports.public)?;
    let mut serving = serve_admin(&ports.admin, health, metrics)?;
    serving.open(&ports.public, ports.workers, front)?;
    Ok(serving)
}

/// Refuses an address that somebody else listens on, before anything is begun for it.
pub fn is_free(listen: &str) -> Result<(), CannotListen> {
    TcpListener::bind(listen).map(drop).map_err(cannot(listen))
}

/// Starts the admin server alone.
pub fn serve_admin(
    address: &str,
    health: Arc<Health>,
    metrics: Metrics,
) -> Result<Serving, CannotListen> {
    let (checks, shown) = (health.clone(), metrics.clone());
    let admin = HttpServer::new(move || {
        let (health, metrics) = (checks.clone(), shown.clone());
        App::new().default_service(fn_service(move |request: ServiceRequest| {
            let (health, metrics) = (health.clone(), metrics.clone());
            async move {
                let (request, _) = request.into_parts();
                let answer = admin_page(&request, &health, &metrics).await;
                Ok(ServiceResponse::new(request, answer))
            }
        }))
    });
    let admin = patient!(admin).workers(1);
    let admin = admin.bind(address).map_err(cannot(address))?;
    let addresses = admin.addrs();
    let admin = admin.run();
    Ok(Serving {
        public: Vec::new(),
        admin: addresses,
        health,
        public_handle: None,
        admin_handle: admin.handle(),
        tasks: vec![run(admin, "admin"), metrics.keep()],
    })
}

/// An address with a port that is free just now, where it names port 0: for processes that tell
/// others their address before they listen on it.
pub fn with_port(listen: &str) -> Result<String, CannotListen> {
    if !listen.ends_with(":0") {
        return Ok(listen.to_owned());
    }
    let address = TcpListener::bind(listen).and_then(|listener| listener.local_addr());
    address.map(|address| address.to_string()).map_err(cannot(listen))
}

impl Serving {
    /// Opens the public port; `workers` are threads, one per core unless said.
    pub fn open(
        &mut self,
        address: &str,
        workers: Option<usize>,
        front: Arc<Front>,
    ) -> Result<(), CannotListen> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let server = HttpServer::new(move || {
            let front = front.clone();
            App::new().default_service(fn_service(move |request: ServiceRequest| {
                let front = front.clone();
                async move {
                    let (request, payload) = request.into_parts();
                    let answer = front.answer(request.clone(), payload).await;
                    Ok(ServiceResponse::new(request, answer))
                }
            }))
        });
        let server = patient!(server).workers(workers.unwrap_or(cores));
        let server = server.bind(address).map_err(cannot(address))?;
        self.public = server.addrs();
        let server = server.run();
        self.public_handle = Some(server.handle());
        self.tasks.push(run(server, "public"));
        Ok(())
    }

    /// Says where the program listens.
    pub fn announce(&self, program: &str) {
        for address in &self.public {
            note(&format!("{program} listens on http://{address}"));
        }
        for address in &self.admin {
            note(&format!("health and metrics on http://{address} (/livez /readyz /metrics)"));
        }
    }

    /// From now on this process says that it is about to stop; it goes on serving.
    pub fn stop_being_ready(&self) {
        self.health.drain();
    }

    /// Stops taking connections and lets running requests finish, for [`DRAIN`] at most. The admin
    /// port goes last, so that readiness can be seen to end first.
    pub async fn stop(self) {
        self.health.drain();
        if let Some(public) = self.public_handle {
            public.stop(true).await;
        }
        self.admin_handle.stop(false).await;
        for task in self.tasks {
            task.abort();
        }
    }
}

fn run(server: actix_web::dev::Server, port: &'static str) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(port, %error, "the server ended");
        }
    })
}

async fn admin_page(request: &HttpRequest, health: &Health, metrics: &Metrics) -> HttpResponse {
    match request.path() {
        "/livez" => text(StatusCode::OK, "ok\n".to_owned()),
        "/readyz" => {
            let report = health.report().await;
            let status = match report.ready {
                true => StatusCode::OK,
                false => StatusCode::SERVICE_UNAVAILABLE,
            };
            let verbose = request.query_string().split('&').any(|p| p.starts_with("verbose"));
            text(status, report.text(verbose))
        }
        "/metrics" => text(StatusCode::OK, metrics.render()),
        _ => text(StatusCode::NOT_FOUND, "this port has /livez, /readyz and /metrics\n".to_owned()),
    }
}

fn text(status: StatusCode, body: String) -> HttpResponse {
    let mut answer = HttpResponse::with_body(status, BoxBody::new(body));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

fn cannot(address: &str) -> impl FnOnce(io::Error) -> CannotListen {
    move |cause| CannotListen { address: address.to_owned(), cause }
}
