#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { DNS_PORT = 53, IPV4_LOOPBACK = 127 };

static const struct sockaddr_in *ipv4(const struct address *address) {
  bool is = address->any.sa_family == AF_INET && address->length >= sizeof(struct sockaddr_in);
  return is ? (const struct sockaddr_in *)&address->room : NULL;
}

static const struct sockaddr_in6 *ipv6(const struct address *address) {
  // Without its scope it is as long as it was before there were scopes, and the kernel takes that too.
  bool is = address->any.sa_family == AF_INET6 && address->length >= sizeof(struct sockaddr_in6) - sizeof(uint32_t);
  return is ? (const struct sockaddr_in6 *)&address->room : NULL;
}

/** To the kernel, 0.0.0.0 as a destination is this machine. */
static bool is_own_ipv4(uint32_t network_order) {
  uint32_t number = ntohl(network_order);
  return number == INADDR_ANY || number >> 24 == IPV4_LOOPBACK;
}

static bool is_own_ipv6(const struct in6_addr *ip) {
  if (!IN6_IS_ADDR_V4MAPPED(ip)) return IN6_IS_ADDR_LOOPBACK(ip) || IN6_IS_ADDR_UNSPECIFIED(ip);
  uint32_t mapped;
  memcpy(&mapped, &ip->s6_addr[12], sizeof mapped);
  return is_own_ipv4(mapped);
}

bool stays_here(const struct address *address) {
  switch (address->any.sa_family) {
    case AF_UNSPEC:
    case AF_UNIX:
    case AF_NETLINK:
      return true;
    case AF_INET:
      return ipv4(address) == NULL || is_own_ipv4(ipv4(address)->sin_addr.s_addr);
    case AF_INET6:
      return ipv6(address) == NULL || is_own_ipv6(&ipv6(address)->sin6_addr);
    default:
      return false;
  }
}

static int port_of(const struct address *address) {
  if (ipv4(address) != NULL) return ntohs(ipv4(address)->sin_port);
  return ipv6(address) == NULL ? -1 : ntohs(ipv6(address)->sin6_port);
}

bool is_name_server(const struct address *address) { return port_of(address) == DNS_PORT; }

bool is_name_cache(const struct address *address) {
  static const char *const FOLDERS[] = {"/run/systemd/resolve/", "/run/nscd/", "/run/avahi-daemon/"};
  if (address->any.sa_family != AF_UNIX) return false;
  const char *path = address->local.sun_path;
  size_t length = address->length - offsetof(struct sockaddr_un, sun_path);
  if (length > 4 && strncmp(path, "/var", 4) == 0) path += 4, length -= 4;
  for (size_t i = 0; i < sizeof FOLDERS / sizeof *FOLDERS; i++)
    if (length > strlen(FOLDERS[i]) && strncmp(path, FOLDERS[i], strlen(FOLDERS[i])) == 0) return true;
  return false;
}

void say_address(const struct address *address, char *text, size_t size) {
  char ip[INET6_ADDRSTRLEN];
  if (ipv4(address) != NULL)
    snprintf(text, size, "%s:%d", inet_ntop(AF_INET, &ipv4(address)->sin_addr, ip, sizeof ip), port_of(address));
  else if (ipv6(address) != NULL)
    snprintf(text, size, "[%s]:%d", inet_ntop(AF_INET6, &ipv6(address)->sin6_addr, ip, sizeof ip), port_of(address));
  else
    snprintf(text, size, "an address of family %d", address->any.sa_family);
}
