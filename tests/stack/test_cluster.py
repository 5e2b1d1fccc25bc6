"""The cluster for tests is one: keys live on several nodes and every client finds them."""

from redis.cluster import RedisCluster

from workbench.stack.cluster import valkey_cluster


def test_keys_of_all_slots_are_served_by_three_nodes() -> None:
    with valkey_cluster() as url, RedisCluster.from_url(url) as client:
        for number in range(50):
            client.set(f"key:{number}", number)
        assert [int(client.get(f"key:{n}") or -1) for n in range(50)] == list(range(50))
        assert len(client.get_primaries()) == 3
