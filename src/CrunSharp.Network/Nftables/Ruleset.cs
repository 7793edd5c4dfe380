using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Network.Addresses;
using CrunSharp.Oci;
using static CrunSharp.Kernel.Libc.NF;
using static CrunSharp.Kernel.Libc.NFT;
using static CrunSharp.Kernel.Libc.NFTA;

namespace CrunSharp.Network.Nftables;

/// <summary>
/// The table <c>inet crunsharp</c>: rules that never change, and sets and maps whose elements do. Made once, in one
/// transaction; whether it is there, and of this version, is told by its comment.
/// </summary>
internal static class Ruleset
{
    /// <summary>The table's name.</summary>
    public const string Table = "crunsharp";

    private const string Comment = "crun-sharp rules 1; do not edit";
    private const uint Local = 2;               // RTN_LOCAL
    private const uint Invalid = 1;             // ct state invalid
    private const uint EstablishedRelated = 6;  // ct state established,related
    private const int Raw = -300, DestinationNat = -100, Filter = 0, SourceNat = 100; // priorities

    private static NftSet[] Sets =>
    [
        new("br", new(NftType.Interface)),                                  // every bridge of ours
        new("br_nat", new(NftType.Interface)),                              // bridges whose containers go out as the host
        new("br_int", new(NftType.Interface)),                              // bridges without a way out or in
        new("icc", new(NftType.Interface, NftType.Interface)),              // from bridge to bridge that may talk
        new("hair4", new(NftType.IPv4, NftType.Interface), IsInterval: true), // addresses behind a bridge
        new("hair6", new(NftType.IPv6, NftType.Interface), IsInterval: true),
        new("dnat4", new(NftType.Protocol, NftType.Port), new(NftType.IPv4, NftType.Port)), // published on all addresses
        new("dnat4a", new(NftType.IPv4, NftType.Protocol, NftType.Port), new(NftType.IPv4, NftType.Port)), // on one
        new("dnat6", new(NftType.Protocol, NftType.Port), new(NftType.IPv6, NftType.Port)),
        new("dnat6a", new(NftType.IPv6, NftType.Protocol, NftType.Port), new(NftType.IPv6, NftType.Port)),
    ];

    /// <summary>What is known of the table.</summary>
    public enum State
    {
        /// <summary>It does not exist.</summary>
        Missing,

        /// <summary>It is of another version.</summary>
        Other,

        /// <summary>It is there.</summary>
        Present,
    }

    /// <summary>Asks whether the table is there.</summary>
    public static State Look(NetlinkSocket netfilter)
    {
        var question = NftBatch.Question(NFT_MSG_GETTABLE, 0, $"look at table {Table}", NFPROTO_INET).AttributeText(NFTA_TABLE_NAME, Table);
        if (netfilter.TryGet(question, out var errno) is not { } answer)
            return errno == Errno.ENOENT ? State.Missing : throw new CrunException(ErrorKind.System, "", $"look at table {Table}", errno);
        Span<byte> expected = stackalloc byte[128];
        expected = expected[..NftBatch.Comment(Comment, expected)];
        return NetlinkAttributes.After(answer, 4).TryFind(NFTA_TABLE_USERDATA, out var found) && found.SequenceEqual(expected)
            ? State.Present
            : State.Other;
    }

    /// <summary>Begins a batch of changes of the table.</summary>
    public static NftBatch Batch() => new(NFPROTO_INET, Table);

    /// <summary>Adds the table, its sets, its chains and their rules.</summary>
    public static void AddAll(NftBatch batch)
    {
        batch.AddTable(Comment);
        foreach (var set in Sets) batch.AddSet(set);
        batch.AddChain("hostports");
        batch.AddChain("raw_pre", "filter", NF_INET_PRE_ROUTING, Raw);
        batch.AddChain("nat_pre", "nat", NF_INET_PRE_ROUTING, DestinationNat);
        batch.AddChain("nat_out", "nat", NF_INET_LOCAL_OUT, DestinationNat);
        batch.AddChain("nat_post", "nat", NF_INET_POST_ROUTING, SourceNat);
        batch.AddChain("forward", "filter", NF_INET_FORWARD, Filter);
        AddPublished(batch);
        AddPostRouting(batch);
        AddForward(batch);
    }

    /// <summary>Adds what the rules must know of a network.</summary>
    public static void AddNetwork(NftBatch batch, NetworkRecord network)
    {
        foreach (var (set, element) in ElementsOf(network)) batch.AddElements(set, element);
    }

    /// <summary>Takes away what the rules know of a network, as far as it is there.</summary>
    /// <exception cref="CrunException">The kernel refuses.</exception>
    public static void RemoveNetwork(NetlinkSocket netfilter, NetworkRecord network)
    {
        foreach (var (set, element) in ElementsOf(network))
        {
            var batch = Batch();
            batch.DeleteElements(set, element);
            foreach (var error in batch.TryExecute(netfilter)) if (error.Errno != Errno.ENOENT) throw error.ToException();
        }
    }

    private static IEnumerable<(string Set, NftElement Element)> ElementsOf(NetworkRecord network)
    {
        var (name, subnet) = (Name(network.Bridge), network.ParseSubnet());
        yield return ("br", new NftElement(name));
        if (network.Masquerades) yield return ("br_nat", new NftElement(name));
        if (network.IsInternal) yield return ("br_int", new NftElement(name));
        yield return ("icc", new NftElement([.. name, .. name]));
        yield return ("hair4", new NftElement(
            [.. Subnet.ToAddress(subnet.First).GetAddressBytes(), .. name],
            KeyEnd: [.. Subnet.ToAddress(subnet.Last).GetAddressBytes(), .. name]));
    }

    /// <summary>An interface's name as 16 bytes.</summary>
    public static byte[] Name(string name)
    {
        var bytes = new byte[IFF.IFNAMSIZ];
        System.Text.Encoding.ASCII.GetBytes(name, bytes);
        return bytes;
    }

    private static void AddPublished(NftBatch batch)
    {
        const int header = NFT_PAYLOAD_NETWORK_HEADER, transport = NFT_PAYLOAD_TRANSPORT_HEADER;
        // dnat ip to ip daddr . meta l4proto . th dport map @dnat4a
        batch.AddRule("hostports").IsIPv4().Payload(header, 16, 4, NFT_REG_1)
            .Meta(NFT_META_L4PROTO, NFT_REG32_01).Payload(transport, 2, 2, NFT_REG32_02)
            .Map("dnat4a", NFT_REG_1, NFT_REG_1).DestinationNat(NFPROTO_IPV4, NFT_REG_1, NFT_REG32_01).End();
        // dnat ip to meta l4proto . th dport map @dnat4
        batch.AddRule("hostports").Meta(NFT_META_L4PROTO, NFT_REG_1).Payload(transport, 2, 2, NFT_REG32_01)
            .Map("dnat4", NFT_REG_1, NFT_REG_1).DestinationNat(NFPROTO_IPV4, NFT_REG_1, NFT_REG32_01).End();
        // dnat ip6 to ip6 daddr . meta l4proto . th dport map @dnat6a
        batch.AddRule("hostports").IsIPv6().Payload(header, 24, 16, NFT_REG_1)
            .Meta(NFT_META_L4PROTO, NFT_REG_2).Payload(transport, 2, 2, NFT_REG32_05)
            .Map("dnat6a", NFT_REG_1, NFT_REG_1).DestinationNat(NFPROTO_IPV6, NFT_REG_1, NFT_REG_2).End();
        // dnat ip6 to meta l4proto . th dport map @dnat6
        batch.AddRule("hostports").Meta(NFT_META_L4PROTO, NFT_REG_1).Payload(transport, 2, 2, NFT_REG32_01)
            .Map("dnat6", NFT_REG_1, NFT_REG_1).DestinationNat(NFPROTO_IPV6, NFT_REG_1, NFT_REG_2).End();

        // iifname != "lo" ip daddr 127.0.0.0/8 drop: route_localnet would let containers reach the host's own services,
        // and the translation, which comes before routing, would let neighbours reach ports published on 127.0.0.1
        batch.AddRule("raw_pre").Meta(NFT_META_IIFNAME, NFT_REG_1).Compare(NFT_CMP_NEQ, NFT_REG_1, Name("lo"))
            .IsIPv4().Payload(header, 16, 1, NFT_REG_1).Equal(NFT_REG_1, [127]).Verdict(NF_DROP).End();
        // fib daddr type local jump hostports
        foreach (var chain in (string[])["nat_pre", "nat_out"])
            batch.AddRule(chain).DestinationKind(NFT_REG_1).Equal(NFT_REG_1, BitConverter.GetBytes(Local)).Verdict(NFT_JUMP, "hostports").End();
    }

    private static void AddPostRouting(NftBatch batch)
    {
        const string chain = "nat_post";
        const int header = NFT_PAYLOAD_NETWORK_HEADER;
        // ct status dnat ip saddr . oifname @hair4 masquerade: answers must come back through the host
        batch.AddRule(chain).ConnectionHasAny(NFT_CT_STATUS, IPS.IPS_DST_NAT).IsIPv4().Payload(header, 12, 4, NFT_REG_1)
            .Meta(NFT_META_OIFNAME, NFT_REG32_01).In("hair4", NFT_REG_1).Masquerade().End();
        // ct status dnat ip6 saddr . oifname @hair6 masquerade
        batch.AddRule(chain).ConnectionHasAny(NFT_CT_STATUS, IPS.IPS_DST_NAT).IsIPv6().Payload(header, 8, 16, NFT_REG_1)
            .Meta(NFT_META_OIFNAME, NFT_REG_2).In("hair6", NFT_REG_1).Masquerade().End();
        // ct status dnat ip saddr 127.0.0.0/8 oifname @br masquerade
        batch.AddRule(chain).ConnectionHasAny(NFT_CT_STATUS, IPS.IPS_DST_NAT).IsIPv4().Payload(header, 12, 1, NFT_REG_1)
            .Equal(NFT_REG_1, [127]).Meta(NFT_META_OIFNAME, NFT_REG_1).In("br", NFT_REG_1).Masquerade().End();
        // ip daddr 224.0.0.0/4 return
        batch.AddRule(chain).IsIPv4().Payload(header, 16, 4, NFT_REG_1).And(NFT_REG_1, [240, 0, 0, 0])
            .Equal(NFT_REG_1, [224, 0, 0, 0]).Verdict(NFT_RETURN).End();
        // iifname @br_nat oifname != @br masquerade
        batch.AddRule(chain).Meta(NFT_META_IIFNAME, NFT_REG_1).In("br_nat", NFT_REG_1)
            .Meta(NFT_META_OIFNAME, NFT_REG_1).In("br", NFT_REG_1, not: true).Masquerade().End();
    }

    private static void AddForward(NftBatch batch)
    {
        const string chain = "forward";
        // iifname != @br oifname != @br return: other traffic of the host leaves at once
        batch.AddRule(chain).Meta(NFT_META_IIFNAME, NFT_REG_1).In("br", NFT_REG_1, not: true)
            .Meta(NFT_META_OIFNAME, NFT_REG_1).In("br", NFT_REG_1, not: true).Verdict(NFT_RETURN).End();
        // ct state invalid drop; ct state established,related accept
        batch.AddRule(chain).ConnectionHasAny(NFT_CT_STATE, Invalid).Verdict(NF_DROP).End();
        batch.AddRule(chain).ConnectionHasAny(NFT_CT_STATE, EstablishedRelated).Verdict(NF_ACCEPT).End();
        // iifname . oifname @icc accept
        batch.AddRule(chain).Meta(NFT_META_IIFNAME, NFT_REG_1).Meta(NFT_META_OIFNAME, NFT_REG_2).In("icc", NFT_REG_1).Verdict(NF_ACCEPT).End();
        // iifname @br_int drop; oifname @br_int drop
        batch.AddRule(chain).Meta(NFT_META_IIFNAME, NFT_REG_1).In("br_int", NFT_REG_1).Verdict(NF_DROP).End();
        batch.AddRule(chain).Meta(NFT_META_OIFNAME, NFT_REG_1).In("br_int", NFT_REG_1).Verdict(NF_DROP).End();
        // ct status dnat accept: published ports
        batch.AddRule(chain).ConnectionHasAny(NFT_CT_STATUS, IPS.IPS_DST_NAT).Verdict(NF_ACCEPT).End();
        // oifname @br drop: other networks, and ports that are not published
        batch.AddRule(chain).Meta(NFT_META_OIFNAME, NFT_REG_1).In("br", NFT_REG_1).Verdict(NF_DROP).End();
        batch.AddRule(chain).Verdict(NF_ACCEPT).End();
    }

    private static NftRule IsIPv4(this NftRule rule) => rule.Meta(NFT_META_NFPROTO, NFT_REG_1).Equal(NFT_REG_1, [NFPROTO_IPV4]);

    private static NftRule IsIPv6(this NftRule rule) => rule.Meta(NFT_META_NFPROTO, NFT_REG_1).Equal(NFT_REG_1, [NFPROTO_IPV6]);
}
