//! Connections: replyer, subscriber, requester, publisher and external request over sockets.
