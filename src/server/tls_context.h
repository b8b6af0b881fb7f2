// Of the server's wires alone: what TLS needs.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

namespace dsa::server {

/// TLS 1.2 and 1.3 with the certificate chain and the key of these PEM files.  Throws Error.
std::shared_ptr<boost::asio::ssl::context> make_tls_context(const std::string& cert, const std::string& key);

}  // namespace dsa::server
