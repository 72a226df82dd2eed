//! A lean HTTP/1.1 client over one keep-alive connection, so that the load generator costs the
//! machine as little as it can. It knows just what a benchmark needs.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection, with its buffers.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer; borrowed from the connection's buffer until the next call.
pub struct Answer<'a> {
    /// HTTP status.
    pub status: u16,
    head: &'a [u8],
    /// The body.
    pub body: &'a [u8],
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Result<Connection> {
        let stream = TcpStream::connect(address).await.context("can't connect")?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends one request as it stands and reads its whole answer.
    pub async fn call(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head_end = self.read_head().await?;
        let head = &self.buffer[..head_end];
        let status = status_of(head)?;
        let length = header(head, b"content-length").and_then(parse_number);
        let chunked = header(head, b"transfer-encoding").is_some();
        let total = match (length, chunked) {
            (Some(length), false) => head_end + length,
            (None, false) => head_end,
            (_, true) => bail!("a chunked answer where a plain one was expected"),
        };
        self.fill_to(total).await?;
        let (head, body) = self.buffer[..total].split_at(head_end);
        Ok(Answer { status, head, body })
    }

    /// Sends one request and streams a chunked answer, handing every piece of the body (chunk
    /// headers included) to `each`; returns the status.
    pub async fn stream(&mut self, request: &[u8], mut each: impl FnMut(&[u8])) -> Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head_end = self.read_head().await?;
        let status = status_of(&self.buffer[..head_end])?;
        let mut rest = self.buffer.split_off(head_end);
        loop {
            each(&rest);
            if rest.ends_with(b"0\r\n\r\n") {
                return Ok(status);
            }
            rest.clear();
            rest.reserve(64 * 1024);
            if self.stream.read_buf(&mut rest).await? == 0 {
                bail!("the body broke off");
            }
        }
    }

    async fn read_head(&mut self) -> Result<usize> {
        let mut searched = 0;
        loop {
            if let Some(end) = find_head_end(&self.buffer, searched) {
                return Ok(end);
            }
            searched = self.buffer.len().saturating_sub(3);
            self.read_more().await?;
        }
    }

    async fn fill_to(&mut self, total: usize) -> Result<()> {
        while self.buffer.len() < total {
            self.read_more().await?;
        }
        Ok(())
    }

    async fn read_more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

impl Answer<'_> {
    /// A header's value, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name.as_bytes()).and_then(|value| std::str::from_utf8(value).ok())
    }
}

fn find_head_end(buffer: &[u8], from: usize) -> Option<usize> {
    buffer[from..].windows(4).position(|four| four == b"\r\n\r\n").map(|at| from + at + 4)
}

fn status_of(head: &[u8]) -> Result<u16> {
    let status = head.get(9..12).and_then(parse_number).context("not an HTTP answer")?;
    Ok(u16::try_from(status)?)
}

fn header<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    head.split(|&byte| byte == b'\n').find_map(|line| {
        let (found, value) = line.split_at_checked(name.len())?;
        let value = value.strip_prefix(b":")?;
        found.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
    })
}

fn parse_number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.trim().parse().ok()
}
