//! A proxy between the clients and the server whose connections can be cut and stalled.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long the bytes that a cut still lets through may take to come.
const CUT_WAIT: Duration = Duration::from_millis(100);

/// Bytes that the kernel takes from the server while a connection is stalled, and of one segment: the size of a segment
/// decides how large the server's send buffer becomes.
const RECEIVE_BUFFER: usize = 16 * 1024;
const SEGMENT: u32 = 1460;

/// What is to become of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    Run,
    /// Carries nothing until the next order: in both directions, or only towards the client.
    Stall {
        both: bool,
    },
    /// Carries so many bytes more in each direction, then ends: by a reset, or in order.
    Cut {
        after: usize,
        reset: bool,
    },
}

/// The handle on a running proxy; dropping it ends the proxy and all its connections.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    server: watch::Sender<SocketAddr>,
    live: Arc<Mutex<Live>>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Live {
    next: u64,
    connections: Vec<(u64, watch::Sender<Order>)>,
}

impl Proxy {
    /// A proxy on a free port of loopback before a server.
    pub(crate) async fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (server, upstream) = watch::channel(server);
        let live = Arc::new(Mutex::new(Live::default()));
        let task = tokio::spawn(accept(listener, upstream, Arc::clone(&live)));
        Ok(Self { address, server, live, task })
    }

    /// Connections from now on go to this server.
    pub(crate) fn lead_to(&self, server: SocketAddr) {
        self.server.send_replace(server);
    }

    /// Gives an order to one of the live connections, and returns by what it can be given another; `None` where there
    /// is none.
    pub(crate) fn order(&self, pick: u64, order: Order) -> Option<watch::Sender<Order>> {
        let live = lock(&self.live);
        let index = pick.checked_rem(live.connections.len() as u64)?;
        let (_, connection) = &live.connections[index as usize];
        connection.send_replace(order);
        Some(connection.clone())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(live: &Mutex<Live>) -> MutexGuard<'_, Live> {
    live.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, upstream: watch::Receiver<SocketAddr>, live: Arc<Mutex<Live>>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        let server = *upstream.borrow();
        let (order, orders) = watch::channel(Order::Run);
        let live = Arc::clone(&live);
        connections.spawn(async move {
            let id = {
                let mut live = lock(&live);
                live.next += 1;
                let id = live.next;
                live.connections.push((id, order));
                id
            };
            carry(client, server, orders).await;
            lock(&live).connections.retain(|(other, _)| *other != id);
        });
    }
}

/// Carries both directions until both have ended, or it is cut. A server that isn't there ends it at once.
async fn carry(mut client: TcpStream, server: SocketAddr, orders: watch::Receiver<Order>) {
    let Ok(mut server) = connect(server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ended = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::try_join!(
            pump(from_client, to_server, orders.clone(), false),
            pump(from_server, to_client, orders.clone(), true)
        )
    };
    if ended.is_err() && matches!(*orders.borrow(), Order::Cut { reset: true, .. }) {
        for stream in [&client, &server] {
            let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
    }
}

/// Connects with little room between the server and this proxy, so that a stall is soon felt by the server: on loopback
/// the kernel would take some megabytes first.
async fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.set_tcp_mss(SEGMENT)?;
    TcpSocket::from_std_stream(socket.into()).connect(server).await
}

/// One direction. Its end is passed on; an error is the end of both.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut orders: watch::Receiver<Order>,
    to_client: bool,
) -> Result<(), ()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let order = *orders.borrow_and_update();
        match order {
            Order::Stall { both } if both || to_client => orders.changed().await.map_err(drop)?,
            Order::Cut { after, .. } => return cut(&mut from, &mut to, after).await,
            Order::Run | Order::Stall { .. } => {
                let read = tokio::select! {
                    read = from.read(&mut buffer) => read.map_err(drop)?,
                    changed = orders.changed() => {
                        changed.map_err(drop)?;
                        continue;
                    }
                };
                if read == 0 {
                    return to.shutdown().await.map_err(drop);
                }
                tokio::select! {
                    written = to.write_all(&buffer[..read]) => written.map_err(drop)?,
                    () = is_cut(orders.clone()) => return Err(()),
                }
            }
        }
    }
}

async fn is_cut(mut orders: watch::Receiver<Order>) {
    // An error means that the proxy is gone, which is a cut too.
    let _ = orders.wait_for(|order| matches!(order, Order::Cut { .. })).await;
}

/// Lets some bytes through, which most likely end in the middle of a line, and ends.
async fn cut(from: &mut ReadHalf<'_>, to: &mut WriteHalf<'_>, after: usize) -> Result<(), ()> {
    let mut buffer = vec![0; after];
    if after > 0
        && let Ok(Ok(read)) = timeout(CUT_WAIT, from.read(&mut buffer)).await
    {
        let _ = timeout(CUT_WAIT, to.write_all(&buffer[..read])).await;
    }
    Err(())
}
